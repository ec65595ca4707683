"""web3.py's suite over one WebSocket connection, subscriptions among it."""

import pytest_asyncio
from web3 import AsyncWeb3, WebSocketProvider
from web3._utils.module_testing import (
    AsyncEthModuleTest,
    AsyncNetModuleTest,
    GoEthereumAsyncDebugModuleTest,
    GoEthereumAsyncTxPoolModuleTest,
)
from web3._utils.module_testing.persistent_connection_provider import (
    PersistentConnectionProviderTest,
)
from web3._utils.module_testing.web3_module import AsyncWeb3ModuleTest

from wallet import keep_keys_here


@pytest_asyncio.fixture(scope="session")
async def async_w3(ws_url, keyfile_account, chain_id):
    async with AsyncWeb3(WebSocketProvider(ws_url, request_timeout=20)) as web3:
        keep_keys_here(web3, keyfile_account, chain_id)
        yield web3


class TestSubscriptions(PersistentConnectionProviderTest):
    pass


class TestAsyncEth(AsyncEthModuleTest):
    pass


class TestAsyncNet(AsyncNetModuleTest):
    pass


class TestAsyncWeb3(AsyncWeb3ModuleTest):
    def _check_web3_client_version(self, client_version):
        assert client_version.startswith("mfenx/")


class TestAsyncDebug(GoEthereumAsyncDebugModuleTest):
    pass


class TestAsyncTxPool(GoEthereumAsyncTxPoolModuleTest):
    pass
