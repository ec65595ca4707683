// MFENX through MetaMask's own controllers: node metamask.mjs [HTTP_URL]
//
// What happens in the extension when somebody adds the network and sends JULIAN: the network
// controller learns the chain, the transaction controller completes an EIP-1559 transaction from
// the node's answers, the keyring signs it, and the block tracker finds it confirmed.

import assert from "node:assert/strict";
import { GasFeeController } from "@metamask/gas-fee-controller";
import { KeyringController } from "@metamask/keyring-controller";
import { Messenger } from "@metamask/messenger";
import { NetworkController, RpcEndpointType } from "@metamask/network-controller";
import { TransactionController } from "@metamask/transaction-controller";
import { JsonRpcProvider, HDNodeWallet } from "ethers";
import { CHAIN_ID, MNEMONIC, httpUrl, session, within } from "./session.mjs";

const { check, end } = session("metamask");
const chainId = `0x${CHAIN_ID.toString(16)}`;
const provider = new JsonRpcProvider(httpUrl, undefined, { cacheTimeout: -1 });
const key = (index) => HDNodeWallet.fromPhrase(MNEMONIC, undefined, `m/44'/60'/0'/0/${index}`);
const alice = key(4);
const bob = key(5);

const root = new Messenger({ namespace: "Root" });
/** A messenger for one controller, with what it may ask of the others. */
function messenger(namespace, actions = [], events = []) {
  const own = new Messenger({ namespace, parent: root });
  root.delegate({ messenger: own, actions, events });
  return own;
}
/** Answers an action of a controller that this test does without. */
function standIn(namespace, action, handler) {
  const own = new Messenger({ namespace, parent: root });
  own.registerActionHandler(`${namespace}:${action}`, handler);
}

const network = new NetworkController({
  messenger: messenger("NetworkController"),
  infuraProjectId: "none",
  getRpcServiceOptions: () => ({ fetch, btoa }),
  getBlockTrackerOptions: () => ({ pollingInterval: 200 }),
});

await check("the network is added by chain ID, currency and URL, and selected", async () => {
  const added = network.addNetwork({
    chainId,
    name: "MFENX",
    nativeCurrency: "JULIAN",
    blockExplorerUrls: [],
    defaultRpcEndpointIndex: 0,
    rpcEndpoints: [{ type: RpcEndpointType.Custom, url: httpUrl, name: "MFENX" }],
  });
  await network.setActiveNetwork(added.rpcEndpoints[0].networkClientId);
  assert.equal(network.getSelectedChainId(), chainId);
  const { networkClientId } = added.rpcEndpoints[0];
  assert.equal(network.state.networksMetadata[networkClientId].status, "available");
  assert.equal(await network.getEIP1559Compatibility(), true);
});
const networkClientId = network.state.selectedNetworkClientId;

const keyring = new KeyringController({ messenger: messenger("KeyringController") });
await check("the keyring imports a key", async () => {
  await keyring.createNewVaultAndKeychain("a password");
  const address = await keyring.importAccountWithStrategy("privateKey", [alice.privateKey]);
  assert.equal(address.toLowerCase(), alice.address.toLowerCase());
});

const account = { id: "alice", address: alice.address.toLowerCase(), type: "eip155:eoa" };
standIn("AccountsController", "getSelectedAccount", () => account);
standIn("AccountsController", "getState", () => ({
  internalAccounts: { accounts: { alice: account }, selectedAccount: "alice" },
}));
standIn("ApprovalController", "addRequest", async () => ({ resultCallbacks: undefined }));
standIn("RemoteFeatureFlagController", "getState", () => ({ remoteFeatureFlags: {} }));

const fees = new GasFeeController({
  messenger: messenger(
    "GasFeeController",
    [
      "NetworkController:getState",
      "NetworkController:getNetworkClientById",
      "NetworkController:getEIP1559Compatibility",
    ],
    ["NetworkController:networkDidChange"],
  ),
  getProvider: () => network.getSelectedNetworkClient().provider,
  getCurrentNetworkEIP1559Compatibility: () => network.getEIP1559Compatibility(),
  getCurrentAccountEIP1559Compatibility: () => true,
  getCurrentNetworkLegacyGasAPICompatibility: () => false,
  onNetworkDidChange: (listener) => root.subscribe("NetworkController:networkDidChange", listener),
  // MetaMask's fee service knows nothing of this chain; what the node says is its fallback.
  EIP1559APIEndpoint: "",
  legacyAPIEndpoint: "",
  clientId: "mfenx",
});

fees.disableNonRPCGasFeeApis();

await check("fees are estimated from what the node says", async () => {
  const { gasEstimateType, gasFeeEstimates } = await fees.fetchGasFeeEstimates();
  assert.equal(gasEstimateType, "eth_gasPrice");
  assert.ok(Number(gasFeeEstimates.gasPrice) > 0, JSON.stringify(gasFeeEstimates));
});

const transactions = new TransactionController({
  messenger: messenger(
    "TransactionController",
    [
      "AccountsController:getSelectedAccount",
      "AccountsController:getState",
      "ApprovalController:addRequest",
      "KeyringController:signEip7702Authorization",
      "NetworkController:findNetworkClientIdByChainId",
      "NetworkController:getNetworkClientById",
      "RemoteFeatureFlagController:getState",
    ],
    ["NetworkController:stateChange"],
  ),
  disableHistory: true,
  disableSendFlowHistory: true,
  disableSwaps: true,
  getCurrentAccountEIP1559Compatibility: async () => true,
  getCurrentNetworkEIP1559Compatibility: () => network.getEIP1559Compatibility(),
  getGasFeeEstimates: (options) => fees.fetchGasFeeEstimates(options),
  getNetworkClientRegistry: () => network.getNetworkClientRegistry(),
  getNetworkState: () => network.state,
  getPermittedAccounts: async () => [alice.address],
  getSavedGasFees: () => undefined,
  incomingTransactions: { isEnabled: () => false },
  isFirstTimeInteractionEnabled: () => false,
  // Simulations are a service of MetaMask's, not of the chain.
  isSimulationEnabled: () => false,
  sign: (transaction, from) => keyring.signTransaction(transaction, from),
  transactionHistoryLimit: 40,
  hooks: {},
});

/** Sends through the transaction controller; its record once it is confirmed or failed. */
async function confirmed(fields) {
  const { result, transactionMeta } = await transactions.addTransaction(
    { from: alice.address.toLowerCase(), ...fields },
    { networkClientId, requireApproval: false },
  );
  const ended = within(30_000, "transactionFinished", (resolve) =>
    root.subscribe("TransactionController:transactionConfirmed", (meta) => {
      if (meta.id === transactionMeta.id) resolve(meta);
    }),
  );
  const hash = await result;
  return { hash, meta: await ended };
}

await check("an EIP-1559 transaction is completed, signed, sent and confirmed", async () => {
  const before = await provider.getBalance(bob);
  const { hash, meta } = await confirmed({ to: bob.address.toLowerCase(), value: "0x2386f26fc10000" });
  assert.equal(meta.status, "confirmed");
  assert.equal(meta.hash, hash);
  assert.equal(meta.txParams.type, "0x2");
  assert.equal(BigInt(meta.txParams.gas), 21_000n);
  assert.equal(BigInt(meta.txReceipt.status), 1n);
  assert.equal(await provider.getBalance(bob), before + 10n ** 16n);
  const transaction = await provider.getTransaction(hash);
  assert.equal(transaction.chainId, BigInt(CHAIN_ID));
  assert.equal(transaction.maxFeePerGas, BigInt(meta.txParams.maxFeePerGas));
});

await check("the next one has the next nonce", async () => {
  const nonce = await provider.getTransactionCount(alice);
  const { meta } = await confirmed({ to: bob.address.toLowerCase(), value: "0x1" });
  assert.equal(Number(meta.txParams.nonce), nonce);
});

end();
