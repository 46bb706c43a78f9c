"""The contract as one class, to be inherited by the test of an adapter."""

from __future__ import annotations

from adapter_contract.promises.alone import KeepsRunsApart
from adapter_contract.promises.content import HandlesContent
from adapter_contract.promises.counts import CountsOnce
from adapter_contract.promises.ends import EndsWhatIsBrokenOff
from adapter_contract.promises.errors import ShowsErrors
from adapter_contract.promises.faults import NeverBreaks
from adapter_contract.promises.patches import KeepsFaces
from adapter_contract.promises.tree import ShowsTheTree


class AdapterContract(
    ShowsTheTree, CountsOnce, ShowsErrors, KeepsRunsApart, EndsWhatIsBrokenOff, HandlesContent, KeepsFaces, NeverBreaks
):
    """All that an adapter promises, tested over its `recipe`: inherit it, and state the recipe.

    Each test runs once for each of the recipe's ways (``run``, ``arun``, ``stream``, ``astream``) that it is about. One
    that is about nothing in the recipe (streams where there are none) is not there; one that cannot hold for the
    library is named in `Recipe.skip` with the reason, and reported as skipped.
    """
