"""An experiment, its file or its folder, is all that the explorer needs."""

from impossible_lms.explorer.address import Chosen
from impossible_lms.explorer.given import given
from impossible_lms.explorer.results import Results


def test_an_experiment_is_explored_by_its_file(finished):
    found = given([str(finished / "small.toml")])
    results = Results(found.findings, found.models)
    assert found.models.labels and results.metrics and results.kinds
    page = results.page(Chosen())
    assert page.values.rows and page.values_csv.startswith("language,")
