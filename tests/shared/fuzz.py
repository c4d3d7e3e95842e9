"""Damage to files."""

NUMBERS_IN_PLACE = (b"-1", b"99999999999", b"1e400", b"nan", b"0x1", b"\xff" * 4, b"\0" * 4)


def damaged(content, random):
    """A file with one to four changes anywhere in it."""
    content = bytearray(content)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(content) + 1)
        kind = random.choice(("byte", "bit", "cut", "insert", "remove", "repeat", "number"))
        if kind == "byte":
            content[at : at + 1] = bytes([random.randrange(256)])
        elif kind == "bit":
            content[at : at + 1] = bytes(byte ^ (1 << random.randrange(8)) for byte in content[at : at + 1])
        elif kind == "cut":
            del content[at:]
        elif kind == "insert":
            content[at:at] = random.randbytes(random.randint(1, 8))
        elif kind == "remove":
            del content[at : at + random.randint(1, 40)]
        elif kind == "repeat":
            content[at:at] = content[max(at - random.randint(1, 600), 0) : at]
        else:
            number = random.choice(NUMBERS_IN_PLACE)
            content[at : at + len(number)] = number
    return bytes(content)
