"""Real SDKs as clients, by host name alone: what they sent stands in the tables, with its ids."""

import os
import pathlib
import subprocess
import unittest

from instance import HERE, Case, rows

MODULES = os.environ.get("MILLSTREAM_NODE_MODULES", "")


class SdkClients(Case):
    """@segment/analytics-node, @rudderstack/rudder-sdk-node, @snowplow/node-tracker."""

    def test_events_of_each_arrive(self):
        self.assertTrue(pathlib.Path(MODULES).is_dir(), "$MILLSTREAM_NODE_MODULES must name the installed SDKs")
        instance = self.instance()
        instance.start()
        command = ["node", str(HERE / "sdk_clients.mjs"), MODULES, "127.0.0.1", str(instance.public)]
        done = subprocess.run(command, capture_output=True, timeout=90, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + instance.said())
        instance.stop()
        events = rows("events", instance.directory)
        by_id = {row["event_id"]: row for row in events}
        self.assert_row(by_id["sdk-segment-page"], "page", "sdk-segment", None, "sdk-segment")
        self.assert_row(by_id["sdk-segment-identify"], "identify", "sdk-segment", "user-segment", "")
        order = by_id["sdk-segment-order"]
        self.assert_row(order, "track", "", "user-segment", "")
        self.assertEqual((order["event"], order["order_id"]), ("Order Completed", "sdk-1"))
        self.assertEqual((order["value_minor"], order["currency"]), (1250, "EUR"))
        self.assert_row(by_id["sdk-rudder-track"], "track", "sdk-rudder", "user-rudder", "sdk-rudder")
        view = next(row for row in events if row["user_id"] == "user-snowplow")
        self.assert_row(view, "page", "sdk-snowplow", "user-snowplow", "sdk-snowplow")
        self.assertEqual(len(events), 5)
        conversion = rows("conversions", instance.directory)
        self.assertEqual([row["value_minor"] for row in conversion], [1250])
        credits = rows("credits", instance.directory)
        self.assertEqual({row["campaign"] for row in credits}, {"sdk-segment"}, "the order is June's mail's")

    def assert_row(self, row, kind, device, user, campaign):
        self.assertEqual(row["kind"], kind)
        self.assertEqual(row["campaign"], campaign)
        self.assertEqual(row["anonymous_id"], device)
        if user is not None:
            self.assertEqual(row["user_id"], user)


if __name__ == "__main__":
    unittest.main(verbosity=2)
