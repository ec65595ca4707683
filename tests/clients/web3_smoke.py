"""MFENX through web3.py: python web3_smoke.py HTTP_URL ARTIFACT_JSON

ARTIFACT_JSON is the file that `node artifact.mjs` names.
"""

import json
import sys

from eth_account import Account
from web3 import Web3
from web3.exceptions import ContractCustomError, ContractLogicError, Web3RPCError

CHAIN_ID = 177155
MNEMONIC = "test test test test test test test test test test test junk"

Account.enable_unaudited_hdwallet_features()
web3 = Web3(Web3.HTTPProvider(sys.argv[1]))
with open(sys.argv[2], encoding="utf-8") as file:
    ARTIFACT = json.load(file)
alice = Account.from_mnemonic(MNEMONIC, account_path="m/44'/60'/0'/0/6")
bob = Account.from_mnemonic(MNEMONIC, account_path="m/44'/60'/0'/0/7")
passed = 0


def check(what, condition):
    """Counts a check that holds; ends the script at the first that does not."""
    global passed
    if not condition:
        sys.exit(f"FAILED  web3.py: {what}")
    passed += 1
    print(f"ok      web3.py: {what}")


def mined(transaction):
    """Signs with alice's key, sends, and waits for the receipt."""
    transaction["nonce"] = web3.eth.get_transaction_count(alice.address, "pending")
    signed = alice.sign_transaction(transaction)
    digest = web3.eth.send_raw_transaction(signed.raw_transaction)
    return web3.eth.wait_for_transaction_receipt(digest, timeout=20, poll_latency=0.05)


check("the network is chain 177155", web3.eth.chain_id == CHAIN_ID)

fields = {"from": alice.address, "chainId": CHAIN_ID}
before = web3.eth.get_balance(bob.address)
fee = {"maxFeePerGas": web3.eth.gas_price * 3, "maxPriorityFeePerGas": web3.eth.max_priority_fee}
receipt = mined({"to": bob.address, "value": 5, "gas": 21_000, "chainId": CHAIN_ID, **fee})
check("a transfer lands", receipt.status == 1 and receipt.gasUsed == 21_000)
check("its value arrived", web3.eth.get_balance(bob.address) == before + 5)
check(
    "history keeps the old balance",
    web3.eth.get_balance(bob.address, receipt.blockNumber - 1) == before,
)

factory = web3.eth.contract(abi=ARTIFACT["abi"], bytecode=ARTIFACT["bytecode"])
receipt = mined(factory.constructor(1_000).build_transaction(dict(fields)))
token = web3.eth.contract(address=receipt.contractAddress, abi=ARTIFACT["abi"])
check("an ERC-20 is deployed", token.functions.balanceOf(alice.address).call() == 1_000)

receipt = mined(token.functions.transfer(bob.address, 9).build_transaction(dict(fields)))
events = token.events.Transfer().get_logs(from_block=receipt.blockNumber)
check("its event is found", [event.args.value for event in events] == [9])

try:
    token.functions.requireZero(1).call()
    check("a revert raises", False)
except ContractLogicError as error:
    check("a revert reason is decoded", "value is not zero" in str(error))

try:
    token.functions.transfer(alice.address, 10_000).call({"from": bob.address})
    check("a custom error raises", False)
except ContractCustomError as error:
    decoded = str(error)
    check("a custom error is decoded", "ERC20InsufficientBalance" in decoded or "0xe450d38c" in decoded)

try:
    spent = alice.sign_transaction(
        {"to": bob.address, "value": 1, "gas": 21_000, "chainId": CHAIN_ID, "nonce": 0, **fee}
    )
    web3.eth.send_raw_transaction(spent.raw_transaction)
    check("a spent nonce raises", False)
except Web3RPCError as error:
    check("a spent nonce is refused in geth's words", "nonce too low" in str(error))

print(f"web3.py: {passed} passed, 0 failed")
