"""The tests of web3.py that do not run here, by name, each with its reason."""

NO_KEYS = "needs a node that keeps keys: this one signs nothing"
SPEAKS_FIRST = "puts in the only message of a subscription to which this node says `false` at once"

DESELECTED = {
    "test_eth_sign": NO_KEYS,
    "test_eth_sign_ens_names": NO_KEYS,
    "test_eth_sign_typed_data": NO_KEYS,
    "test_invalid_eth_sign_typed_data": NO_KEYS,
    "test_async_eth_sign": NO_KEYS,
    "test_async_eth_sign_ens_names": NO_KEYS,
    "test_async_eth_subscribe_syncing_mocked": SPEAKS_FIRST,
}
