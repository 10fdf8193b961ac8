"""Past work with its products: the lists that one pages and searches through."""
