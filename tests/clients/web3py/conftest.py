"""What web3.py's own integration suite asks of the node that it runs against.

web3.py makes these fixtures from a stored geth directory. Here a wallet of the development chain
deploys the same contracts, which web3.py ships, and sends the same transactions before the first
test. MFENX_HTTP and MFENX_WS name the node; its chain must have the ID below and make blocks by the
clock, since the suite wants transactions that wait.
"""

import os
import time

import pytest
from eth_account import Account
from web3 import Web3
from web3._utils.contract_sources.contract_data.emitter_contract import EMITTER_CONTRACT_DATA
from web3._utils.contract_sources.contract_data.math_contract import MATH_CONTRACT_DATA
from web3._utils.contract_sources.contract_data.offchain_lookup import OFFCHAIN_LOOKUP_DATA
from web3._utils.contract_sources.contract_data.panic_errors_contract import (
    PANIC_ERRORS_CONTRACT_DATA,
)
from web3._utils.contract_sources.contract_data.revert_contract import REVERT_CONTRACT_DATA
from web3._utils.contract_sources.contract_data.storage_contract import STORAGE_CONTRACT_DATA
from web3._utils.module_testing.utils import RequestMocker

from deselected import DESELECTED
from wallet import keep_keys_here

# The chain of web3.py's fixtures; the suite has the number in it.
CHAIN_ID = 131277322940537
MNEMONIC = "test test test test test test test test test test test junk"
# The emitter contract's number of its event with two arguments, the second indexed.
LOG_DOUBLE_WITH_INDEX = 9
CONTRACTS = {
    "emitter": EMITTER_CONTRACT_DATA,
    "math": MATH_CONTRACT_DATA,
    "offchain_lookup": OFFCHAIN_LOOKUP_DATA,
    "panic_errors": PANIC_ERRORS_CONTRACT_DATA,
    "revert": REVERT_CONTRACT_DATA,
    "storage": STORAGE_CONTRACT_DATA,
}


DESELECTED_ITEMS = pytest.StashKey[list]()


def pytest_collection_modifyitems(config, items):
    """Takes out what the node does not offer."""
    out = [item for item in items if item.originalname in DESELECTED]
    items[:] = [item for item in items if item.originalname not in DESELECTED]
    config.hook.pytest_deselected(items=out)
    config.stash[DESELECTED_ITEMS] = out


def pytest_terminal_summary(terminalreporter, config):
    for item in config.stash.get(DESELECTED_ITEMS, []):
        terminalreporter.write_line(f"deselected {item.name}: {DESELECTED[item.originalname]}")


@pytest.fixture(scope="session")
def http_url():
    return os.environ["MFENX_HTTP"]


@pytest.fixture(scope="session")
def ws_url():
    return os.environ["MFENX_WS"]


@pytest.fixture(scope="session")
def chain_id():
    return CHAIN_ID


@pytest.fixture(scope="session")
def keyfile_account():
    Account.enable_unaudited_hdwallet_features()
    return Account.from_mnemonic(MNEMONIC)


@pytest.fixture(scope="session")
def keyfile_account_pkey(keyfile_account):
    return keyfile_account.key.to_0x_hex()


@pytest.fixture(scope="session")
def keyfile_account_address(keyfile_account):
    return keyfile_account.address


@pytest.fixture(scope="session")
def keyfile_account_address_dual_type(keyfile_account):
    return keyfile_account.address


async_keyfile_account_address = keyfile_account_address
async_keyfile_account_address_dual_type = keyfile_account_address_dual_type


@pytest.fixture(scope="session")
def w3(http_url, keyfile_account):
    web3 = Web3(Web3.HTTPProvider(http_url))
    assert web3.eth.chain_id == CHAIN_ID
    keep_keys_here(web3, keyfile_account, CHAIN_ID)
    return web3


@pytest.fixture(scope="session")
def request_mocker():
    return RequestMocker


@pytest.fixture(scope="session")
def skip_if_testrpc():
    return lambda _: None


async_skip_if_testrpc = skip_if_testrpc


@pytest.fixture(scope="session")
def chain(w3, keyfile_account_address):
    """The receipts of the contracts and transactions that the suite looks for, by name."""
    sender = {"from": keyfile_account_address}
    deployments = {
        name: w3.eth.contract(**data).constructor().transact(sender)
        for name, data in CONTRACTS.items()
    }
    receipts = {name: mined(w3, digest) for name, digest in deployments.items()}
    # In blocks of their own: the suite wants each to be the first of its block.
    transfer = w3.eth.send_transaction({**sender, "to": keyfile_account_address, "value": 12345})
    receipts["transfer"] = mined(w3, transfer)
    emitter = w3.eth.contract(
        address=receipts["emitter"].contractAddress, abi=EMITTER_CONTRACT_DATA["abi"]
    )
    receipts["log"] = mined(w3, emitter.functions.logDouble(LOG_DOUBLE_WITH_INDEX, 12345, 54321).transact(sender))
    # One test compares the balance of the genesis block's beneficiary with its balance now.
    beneficiary = w3.eth.get_block(0).miner
    payment = w3.eth.send_transaction({**sender, "to": beneficiary, "value": 1})
    receipts["beneficiary"] = mined(w3, payment)
    # The next block of the clock is empty; the suite wants such a block, too.
    wait_until(lambda: w3.eth.block_number > receipts["beneficiary"].blockNumber)
    return receipts


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "what a test waits for does not come"
        time.sleep(0.05)


def mined(w3, digest):
    receipt = w3.eth.wait_for_transaction_receipt(digest, timeout=20, poll_latency=0.05)
    assert receipt.status == 1
    return receipt


@pytest.fixture(scope="session")
def empty_block(w3, chain):
    block = w3.eth.get_block(chain["beneficiary"].blockNumber + 1)
    assert block.transactions == []
    return block


@pytest.fixture(scope="session")
def block_with_txn(w3, chain):
    return w3.eth.get_block(chain["transfer"].blockHash)


@pytest.fixture(scope="session")
def mined_txn_hash(w3, chain):
    return w3.to_hex(chain["transfer"].transactionHash)


@pytest.fixture(scope="session")
def block_with_txn_with_log(w3, chain):
    return w3.eth.get_block(chain["log"].blockHash)


@pytest.fixture(scope="session")
def txn_hash_with_log(w3, chain):
    return w3.to_hex(chain["log"].transactionHash)


@pytest.fixture(scope="session")
def math_contract_deploy_txn_hash(w3, chain):
    return w3.to_hex(chain["math"].transactionHash)


async_empty_block = empty_block
async_block_with_txn = block_with_txn
async_block_with_txn_with_log = block_with_txn_with_log


# Words in the names of tests that send a transaction and want it to wait for a while.
WANTS_WAITING = ("replace", "modify", "unmined", "pending")


@pytest.fixture(autouse=True)
def settled(request, w3, keyfile_account_address):
    """Begins a test with an empty pool, and just after a block if its transactions must wait.

    Several tests count on the next nonce being that of the latest block.
    """
    count = w3.eth.get_transaction_count
    wait_until(
        lambda: count(keyfile_account_address) == count(keyfile_account_address, "pending")
    )
    if any(word in request.node.originalname for word in WANTS_WAITING):
        head = w3.eth.block_number
        wait_until(lambda: w3.eth.block_number > head)


def contract_fixtures(name):
    """The contract fixtures of the suite for both kinds of web3, and their addresses."""

    @pytest.fixture(scope="session", name=f"{name}_contract")
    def contract(w3, chain):
        return w3.eth.contract(address=chain[name].contractAddress, abi=CONTRACTS[name]["abi"])

    @pytest.fixture(name=f"async_{name}_contract")
    def async_contract(async_w3, chain):
        return async_w3.eth.contract(address=chain[name].contractAddress, abi=CONTRACTS[name]["abi"])

    @pytest.fixture(scope="session", name=f"{name}_contract_address")
    def address(chain):
        return chain[name].contractAddress

    @pytest.fixture(scope="session", name=f"async_{name}_contract_address")
    def async_address(chain):
        return chain[name].contractAddress

    return {
        f"{name}_contract": contract,
        f"async_{name}_contract": async_contract,
        f"{name}_contract_address": address,
        f"async_{name}_contract_address": async_address,
    }


for contract_name in CONTRACTS:
    globals().update(contract_fixtures(contract_name))
