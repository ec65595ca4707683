"""The tests of web3.py that do not run here, by name, each with its reason."""

NO_KEYS = "needs a node that keeps keys: this one signs nothing"

DESELECTED = {
    "test_eth_sign": NO_KEYS,
    "test_eth_sign_ens_names": NO_KEYS,
    "test_eth_sign_typed_data": NO_KEYS,
    "test_invalid_eth_sign_typed_data": NO_KEYS,
    "test_async_eth_sign": NO_KEYS,
    "test_async_eth_sign_ens_names": NO_KEYS,
}
