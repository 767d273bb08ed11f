"""A made-up retailer, good enough to try the whole service on."""

from data.samples.demo_company import CompanyProfile, DemoCompany, demo_company

__all__ = ["CompanyProfile", "DemoCompany", "demo_company"]
