"""The departments of the demo catalogue: one module each, with a table of product families."""

from core.catalog.demo.departments import (
    baby,
    beauty,
    cameras,
    computers,
    grocery,
    household,
    kitchen,
    office,
    pets,
    phones,
    sports,
    televisions,
    tools,
    toys,
)
from core.catalog.demo.items import Department

DEPARTMENTS: tuple[Department, ...] = (
    televisions.DEPARTMENT,
    computers.DEPARTMENT,
    cameras.DEPARTMENT,
    phones.DEPARTMENT,
    grocery.DEPARTMENT,
    household.DEPARTMENT,
    baby.DEPARTMENT,
    toys.DEPARTMENT,
    beauty.DEPARTMENT,
    tools.DEPARTMENT,
    kitchen.DEPARTMENT,
    sports.DEPARTMENT,
    office.DEPARTMENT,
    pets.DEPARTMENT,
)
