"""A wallet in front of a node that keeps no keys."""

from web3.middleware import SignAndSendRawMiddlewareBuilder, Web3Middleware


class OwnAccounts(Web3Middleware):
    """Answers `eth_accounts` from the wallet, as every wallet does; the node's answer is empty."""

    address = None

    def response_processor(self, method, response):
        if method == "eth_accounts":
            assert response["result"] == [], "the node keeps no keys"
            return {**response, "result": [self.address]}
        return response

    async def async_response_processor(self, method, response):
        return self.response_processor(method, response)


def keep_keys_here(w3, account):
    """Makes `w3` sign what is sent from `account`, and name it as its only account."""

    def own_accounts(w3):
        middleware = OwnAccounts(w3)
        middleware.address = account.address
        return middleware

    # web3.py checks and completes the transaction first, as it does for a node with keys.
    w3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(account), "wallet", layer=0)
    w3.middleware_onion.inject(own_accounts, "accounts", layer=0)
