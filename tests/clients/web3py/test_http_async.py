"""web3.py's suite over HTTP, asynchronously."""

import pytest_asyncio
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3._utils.module_testing import (
    AsyncEthModuleTest,
    AsyncNetModuleTest,
    GoEthereumAsyncDebugModuleTest,
    GoEthereumAsyncTxPoolModuleTest,
)
from web3._utils.module_testing.web3_module import AsyncWeb3ModuleTest

from wallet import keep_keys_here


@pytest_asyncio.fixture(scope="session")
async def async_w3(http_url, keyfile_account, chain_id):
    web3 = AsyncWeb3(AsyncHTTPProvider(http_url))
    keep_keys_here(web3, keyfile_account, chain_id)
    yield web3
    await web3.provider.disconnect()


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
