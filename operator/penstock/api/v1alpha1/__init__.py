"""penstock.dev/v1alpha1. All changes must be additive: there is no conversion webhook."""

from typing import Final

GROUP = "penstock.dev"
VERSION = "v1alpha1"
API_VERSION: Final = "penstock.dev/v1alpha1"
