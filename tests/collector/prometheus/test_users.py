"""Active users from registers: the formula of the rules against users that were really counted."""

import statistics
import subprocess

import pytest
import yaml

from agentotel.telemetry.active_users import ActiveUsers, estimate
from backend_programs import binary

NUMBERS = (1, 7, 100, 500, 700, 3000, 50000)


def _counted(users: int, seed: int = 0) -> ActiveUsers:
    counting = ActiveUsers()
    for number in range(users):
        counting.run_started(f"user-{seed}-{number}")
    return counting


@pytest.mark.parametrize("users", [20, 300, 5000])
def test_the_mean_error_is_about_five_percent(users) -> None:
    """Over thirty different sets of users."""
    errors = [abs(estimate(_counted(users, seed).registers()) / users - 1) for seed in range(30)]
    assert statistics.mean(errors) < 0.07


@pytest.mark.backends
@pytest.mark.parametrize("promtool", ["promtool", "promtool2"])
def test_the_rules_estimate_what_the_method_estimates(tmp_path, folder, promtool) -> None:
    """One service per number of users, each split over two processes that share some; daily and monthly."""
    series, checks = [], []
    for users in NUMBERS:
        registers = _counted(users).registers()
        for register, rank in registers:
            labels = f'job="s{users}", register="{register}"'
            series.append({"series": f'agent_users_register{{{labels}, instance="a"}}', "values": f"{rank}x10"})
            if register % 2:  # the other process has seen fewer
                lower = max(rank - 1, 1)
                series.append({"series": f'agent_users_register{{{labels}, instance="b"}}', "values": f"{lower}x10"})
        wanted = estimate(registers)
        checks += [
            {
                "expr": f'abs(job:agent_users:{span}{{job="s{users}"}} / {wanted} - 1) < bool 0.001',
                "eval_time": "10m",
                "exp_samples": [{"labels": f'{{job="s{users}"}}', "value": 1}],
            }
            for span in ("daily", "monthly")
        ]
    test = {"name": "users", "interval": "1m", "input_series": series, "promql_expr_test": checks}
    file = {"rule_files": [str(folder / "rules" / "users.yml")], "evaluation_interval": "1m", "tests": [test]}
    path = tmp_path / "users.yml"
    path.write_text(yaml.safe_dump(file))
    done = subprocess.run([binary(promtool), "test", "rules", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
