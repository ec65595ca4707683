"""Roots, a first seed and positions by the definition in docs/compute.md, in Python alone: what golden.rs holds.

    python3 golden.py
"""

import struct

MASK = 0xFFFFFFFF
IV = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
ORDER = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
CONTEXT, MATERIAL = 32, 64


def left(word, bits):
    return (word << bits | word >> 32 - bits) & MASK


def compress(key, block, flags, counter=0):
    words = list(struct.unpack("<16I", block.ljust(64, b"\0")))
    state = list(key) + IV[:4] + [counter, 0, len(block), flags]

    def mix(a, b, c, d, x, y):
        for word, down, along in ((x, 16, 12), (y, 8, 7)):
            state[a] = (state[a] + state[b] + word) & MASK
            state[d] = left(state[d] ^ state[a], 32 - down)
            state[c] = (state[c] + state[d]) & MASK
            state[b] = left(state[b] ^ state[c], 32 - along)

    for _ in range(7):
        for i in range(4):
            mix(i, 4 + i, 8 + i, 12 + i, words[2 * i], words[2 * i + 1])
        for i in range(4):
            at = i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4
            mix(*at, words[8 + 2 * i], words[9 + 2 * i])
        words = [words[i] for i in ORDER]
    return [state[i] ^ state[i + 8] for i in range(8)] + [state[i + 8] ^ key[i] for i in range(8)]


def blake3(data, key=None, flags=0, length=32):
    """Of at most 1,024 bytes: one chunk."""
    value = key or IV
    blocks = [data[i : i + 64] for i in range(0, len(data), 64)] or [b""]
    for i, block in enumerate(blocks[:-1]):
        value = compress(value, block, flags | (i == 0))[:8]
    ends = flags | (len(blocks) == 1) | 2 | 8
    output = [compress(value, blocks[-1], ends, counter) for counter in range(-(-length // 64))]
    return b"".join(struct.pack("<16I", *words) for words in output)[:length]


def derive_key(context, data, length=32):
    key = struct.unpack("<8I", blake3(context.encode(), flags=CONTEXT))
    return blake3(data, list(key), MATERIAL, length)


def chacha8(key, index, length):
    out = b""
    while len(out) < length:
        first = list(struct.unpack("<4I", b"expand 32-byte k")) + list(struct.unpack("<8I", key))
        first += [len(out) // 64, 0, index, 0]
        state = list(first)

        def quarter(a, b, c, d):
            for down, along in ((16, 12), (8, 7)):
                state[a] = (state[a] + state[b]) & MASK
                state[d] = left(state[d] ^ state[a], down)
                state[c] = (state[c] + state[d]) & MASK
                state[b] = left(state[b] ^ state[c], along)

        for _ in range(4):
            for i in range(4):
                quarter(i, 4 + i, 8 + i, 12 + i)
            for i in range(4):
                quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
        out += struct.pack("<16I", *((a + b) & MASK for a, b in zip(state, first)))
    return out[:length]


def tree(nodes):
    while len(nodes) > 1:
        pairs = [nodes[i : i + 2] for i in range(0, len(nodes), 2)]
        nodes = [derive_key("mfenx compute v1 node", b"".join(p)) if len(p) == 2 else p[0] for p in pairs]
    return nodes[0]


def root(seed, m, k, p):
    def lines(name, count):
        key = derive_key("mfenx compute v1 " + name, seed)
        return [[(byte & 31) - 16 for byte in chacha8(key, i, k)] for i in range(count)]

    columns, rows = lines("B", p), []
    for row in lines("A", m):
        entries = [sum(a * b for a, b in zip(row, column)) for column in columns]
        entries += [0] * (-p % 16)
        leaves = [struct.pack("<16i", *entries[i : i + 16]) for i in range(0, len(entries), 16)]
        rows.append(tree([derive_key("mfenx compute v1 leaf", leaf) for leaf in leaves]))
    return derive_key("mfenx compute v1 root", struct.pack("<3I", m, k, p) + tree(rows))


def positions(seed, sizes, roots, beacon, samples):
    m, _, p, rounds = sizes
    preimage = seed + struct.pack("<4I", *sizes) + b"".join(roots) + beacon
    draws = struct.unpack(f"<{3 * samples}Q", derive_key("mfenx compute v1 positions", preimage, 24 * samples))
    return [tuple(draws[i + j] * bound >> 64 for j, bound in enumerate((rounds, m, p))) for i in range(0, len(draws), 3)]


def main():
    preimage = b"mfenx compute v1 seed" + struct.pack(">Q", 177155) + bytes(range(64)) + b"\x0a" * 20 + b"\x0b" * 32
    print("first seed", blake3(preimage).hex())
    roots = [bytes([value]) * 32 for value in (2, 3, 4)]
    print("positions", positions(b"\1" * 32, (1000, 10, 70, 3), roots, b"\5" * 32, 4))
    for m, k, p, rounds in [(1, 1, 1, 1), (3, 5, 17, 2), (7, 33, 16, 1), (17, 64, 33, 3), (5, 1000, 100, 1), (33, 129, 47, 2)]:
        seed = bytes([m, k & 255, p, rounds] * 8)
        for _ in range(rounds):
            value = root(seed, m, k, p)
            seed = blake3(seed + value)
        print(f"    ({m}, {k}, {p}, {rounds}, \"{value.hex()}\"),")


main()
