// `rpc_discover` against OpenRPC's own meta-schema, and every example in it against the schemas of
// its method: what the document says of an answer is true of the answer.
//
// node openrpc.mjs HTTP [WS]

import assert from "node:assert/strict";
import Ajv from "ajv";
import jsonSchemaModule from "@json-schema-tools/meta-schema";
import openRpcModule from "@open-rpc/meta-schema";

// Names under which schemas find each other; nothing is fetched.
const JSON_SCHEMA = "https://schema.test/json";
const DOCUMENT = "https://schema.test/document";

const unwrapped = (module) => module.default ?? module;
const [http] = process.argv.slice(2);

const request = { jsonrpc: "2.0", id: 1, method: "rpc_discover" };
const headers = { "content-type": "application/json" };
const response = await fetch(http, { method: "POST", headers, body: JSON.stringify(request) });
const { result: document, error } = await response.json();
assert.equal(error, undefined, JSON.stringify(error));

function validator() {
    // OpenRPC's schemas have keywords that ajv does not know, and no formats matter here.
    return new Ajv({ strict: false, validateFormats: false, allErrors: true });
}

/**
 * A schema without `$schema`, and under an identifier without an address: the one that refers and
 * the one that is referred to disagree about its last slash.
 */
function named(schema) {
    const { $schema, ...rest } = unwrapped(schema);
    const address = /https:\/\/meta\.json-schema\.tools\/?(?=["#])/g;
    return JSON.parse(JSON.stringify(rest).replaceAll(address, JSON_SCHEMA));
}

/** The document is one of OpenRPC. */
function checkDocument() {
    const ajv = validator();
    ajv.addSchema(named(jsonSchemaModule));
    const validate = ajv.compile(named(openRpcModule));
    assert.ok(validate(document), JSON.stringify(validate.errors?.slice(0, 5), null, 2));
    // It can say no.
    assert.ok(!validate({ ...document, methods: [{ name: "eth_nothing" }] }));
}

/** Parameters and results of the examples have the types that are announced. */
function checkExamples() {
    const ajv = validator();
    ajv.addSchema({ $id: DOCUMENT, components: document.components });
    const compiled = (schema) => {
        const text = JSON.stringify(schema).replaceAll('"#/', `"${DOCUMENT}#/`);
        return ajv.compile(JSON.parse(text));
    };
    let checked = 0;
    for (const method of document.methods) {
        assert.ok(method.examples.length > 0, `${method.name} has no example`);
        for (const example of method.examples) {
            const values = [[method.result, example.result]];
            for (const given of example.params) {
                values.push([method.params.find((param) => param.name === given.name), given]);
            }
            for (const [declared, given] of values) {
                const validate = compiled(declared.schema);
                const wrong = () => JSON.stringify(validate.errors?.slice(0, 3), null, 2);
                assert.ok(validate(given.value), `${method.name}, ${given.name}: ${wrong()}`);
                checked += 1;
            }
        }
    }
    return checked;
}

checkDocument();
const checked = checkExamples();
console.log(`openrpc: ${document.methods.length} methods, ${checked} values of examples: ok`);
