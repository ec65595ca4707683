"""A wallet in front of a node that keeps no keys.

go-ethereum answers `eth_sendTransaction` by completing the transaction, signing it with a key of
its own, and sending it to itself. Here the node completes it (`eth_fillTransaction`), this wallet
signs it, and the node gets it signed. web3.py's own `SignAndSendRawMiddlewareBuilder` cannot carry
its suite: it adds a gas price to dynamic fees when a strategy is set, and does not sign the type
of a legacy transaction that was read from a node. The suite tests it by itself.
"""

from eth_utils import to_checksum_address
from web3.middleware import Web3Middleware

# What the node adds to a completed transaction and a signer derives by itself.
DERIVED = ("from", "hash", "r", "s", "v", "yParity", "type", "input")


class Wallet(Web3Middleware):
    """Answers what needs the key of `account`; everything else goes to the node as it is."""

    account = None
    chain_id = None

    def needs_key(self, method, params, kind):
        # A test may put web3.py's own signer in, which then comes after this one.
        if method != kind or "signing" in self._w3.middleware_onion:
            return False
        return params[0].get("from") == self.account.address

    def sign(self, completed):
        transaction = {
            name: value
            for name, value in completed.items()
            if name not in DERIVED and value is not None
        }
        if "maxFeePerGas" in transaction:
            transaction.pop("gasPrice", None)
        if "to" in transaction:
            transaction["to"] = to_checksum_address(transaction["to"])
        transaction["data"] = completed["input"]
        # An unsigned legacy transaction names no chain, as in go-ethereum.
        transaction["chainId"] = self.chain_id
        return self.account.sign_transaction(transaction).raw_transaction.to_0x_hex()

    def request_processor(self, method, params):
        if self.needs_key(method, params, "eth_sendTransaction"):
            filled = self._w3.manager.request_blocking("eth_fillTransaction", list(params))
            return "eth_sendRawTransaction", [filled["raw"]]
        if self.needs_key(method, params, "eth_signTransaction"):
            return "eth_fillTransaction", params
        return method, params

    async def async_request_processor(self, method, params):
        if self.needs_key(method, params, "eth_sendTransaction"):
            filled = await self._w3.manager.coro_request("eth_fillTransaction", list(params))
            return "eth_sendRawTransaction", [filled["raw"]]
        return self.request_processor(method, params)

    def response_processor(self, method, response):
        if "result" not in response:
            return response
        result = response["result"]
        if method == "eth_accounts":
            assert result == [], "the node keeps no keys"
            result = [self.account.address]
        elif method == "eth_fillTransaction":
            result = {"raw": self.sign(result["tx"]), "tx": result["tx"]}
        return {**response, "result": result}

    async def async_response_processor(self, method, response):
        return self.response_processor(method, response)


def keep_keys_here(w3, account, chain_id):
    """Makes `w3` sign for `chain_id` what is sent from `account`, its only account."""

    def wallet(w3):
        middleware = Wallet(w3)
        middleware.account = account
        middleware.chain_id = chain_id
        return middleware

    # Nearest to the node: web3.py checks and completes transactions first, as for any node.
    w3.middleware_onion.inject(wallet, "wallet", layer=0)
