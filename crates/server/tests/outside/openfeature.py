"""Real OpenFeature clients, by host name alone: the npm providers for servers and browsers, and the PyPI one."""

import json
import os
import pathlib
import random
import subprocess
import unittest

from decisions import line, shop
from instance import HERE, Case, run

MODULES = os.environ.get("MILLSTREAM_NODE_MODULES", "")
PYTHON = os.environ.get("MILLSTREAM_OPENFEATURE_PYTHON", "")

USE_CASES = """
[[decide.use_cases]]
name = "banner"
default = "grey"
candidates = [{ id = "grey" }, { id = "blue", prior = 5 }]

[[decide.use_cases]]
name = "express"
default = "off"
candidates = [{ id = "off", value = false }, { id = "on", value = true, prior = 5, when = "context.plan == 'pro'" }]

[[decide.use_cases]]
name = "discount"
default = "none"
candidates = [{ id = "none", value = 1.0 }]
"""

CLIENT = """
import sys
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

api.set_provider(OFREPProvider(base_url=sys.argv[1]))
client = api.get_client()
context = EvaluationContext(targeting_key="of-python", attributes={"plan": "pro"})
banner = client.get_string_details("banner", "none", context)
assert (banner.value, banner.variant) == ("blue", "blue"), banner
assert client.get_boolean_value("express", False, context) is True
assert client.get_float_value("discount", 0.0, context) == 1.0
missing = client.get_string_details("absent", "fallback", context)
assert (missing.value, missing.error_code.value) == ("fallback", "FLAG_NOT_FOUND"), missing
nobody = client.get_string_details("banner", "fallback", EvaluationContext())
assert nobody.error_code.value == "TARGETING_KEY_MISSING", nobody
"""


class OpenFeature(Case):
    """@openfeature/ofrep-provider, @openfeature/ofrep-web-provider, openfeature-provider-ofrep."""

    def started(self):
        instance = self.instance(config=USE_CASES)
        instance.start()
        return instance

    def test_npm_providers_evaluate(self):
        self.assertTrue(pathlib.Path(MODULES).is_dir(), "$MILLSTREAM_NODE_MODULES must name the installed SDKs")
        instance = self.started()
        command = ["node", str(HERE / "openfeature_clients.mjs"), MODULES, "127.0.0.1", str(instance.public)]
        done = subprocess.run(command, capture_output=True, timeout=60, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + instance.said())

    def test_the_python_provider_evaluates(self):
        self.assertTrue(pathlib.Path(PYTHON).exists(), "$MILLSTREAM_OPENFEATURE_PYTHON must name a Python with the provider")
        instance = self.started()
        command = [PYTHON, "-I", "-c", CLIENT, f"http://127.0.0.1:{instance.public}"]
        done = subprocess.run(command, capture_output=True, timeout=60, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + instance.said())

    def test_the_web_provider_hears_of_changed_flags(self):
        """In Chromium, by the event stream alone: a model that comes into force changes the visitor's flag."""
        self.assertTrue(pathlib.Path(MODULES).is_dir(), "$MILLSTREAM_NODE_MODULES must name the installed SDKs")
        skus = ", ".join(json.dumps(f"sku-{number}") for number in range(60))
        config = f'[[decide.use_cases]]\nname = "hero"\ndefault = "none"\nbudget_ms = 400\ncandidates = [{skus}]\n'
        events, path = self.folder / "events.jsonl", self.folder / "hero.toml"
        visits = enumerate(shop(random.Random(8), 300, items=60))
        events.write_text("\n".join(line(visitor, number, f"sku-{item}", visit * 20 + number)
                                    for visit, (visitor, seen) in visits for number, item in enumerate(seen)) + "\n")
        path.write_text(config)
        run("import", "--data-dir", self.folder / "data", "--config", path, "--format", "segment", events)
        instance = self.instance(config=config)
        instance.start()
        command = ["node", str(HERE / "openfeature_events.mjs"), MODULES, f"http://127.0.0.1:{instance.public}", "hero",
                   "visitor-5"]
        client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(client.kill)
        before = client.stdout.readline().strip()
        self.assertEqual(before, "sku-0", "nothing was trained")
        run("train", "hero", "--data-dir", self.folder / "data")
        said, error = client.communicate(timeout=60)
        self.assertEqual(client.returncode, 0, said + error + instance.said())
        self.assertRegex(said.strip(), r"^sku-\d+$")
        self.assertNotEqual(said.strip(), before)


if __name__ == "__main__":
    unittest.main()
