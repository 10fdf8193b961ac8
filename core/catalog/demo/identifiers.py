"""Retailers' ids and universal product codes, made up but well formed."""

from core.catalog.demo.chance import draw

# What an Amazon id is written with.
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def walmart_id(key: str) -> str:
    """Eight or nine digits, the first of them not 0."""
    return str(10_000_000 + draw("walmart id", key) % 989_999_999)


def amazon_id(key: str) -> str:
    """`B0` and eight capitals or digits."""
    number = draw("amazon id", key)
    signs = []
    for _ in range(8):
        number, rest = divmod(number, len(ALPHABET))
        signs.append(ALPHABET[rest])
    return "B0" + "".join(signs)


def universal_product_code(brand: str, key: str) -> str:
    """Twelve digits: four of the brand's, seven of the item's, and the check digit."""
    # 0, 6, 7 and 8 begin ordinary goods; the other first digits are for coupons, drugs and goods by weight.
    first = "0678"[draw("upc first", brand) % 4]
    body = f"{first}{draw('upc brand', brand) % 1000:03d}{draw('upc item', key) % 10_000_000:07d}"
    return body + check_digit(body)


def check_digit(body: str) -> str:
    """The twelfth digit to the eleven of `body`: odd places count three times, and the sum ends in 0."""
    odd, even = sum(map(int, body[0::2])), sum(map(int, body[1::2]))
    return str(-(3 * odd + even) % 10)
