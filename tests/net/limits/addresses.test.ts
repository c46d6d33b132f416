/** Which clients count as one. */
import { expect, test } from "vitest";
import { addressOf } from "../../../runtime/net/limits/addresses.ts";

test.each([
  ["127.0.0.1:4711", "127.0.0.1"],
  ["unknown:0", "unknown"],
  ["[::1]:4711", "::1"],
  ["[::ffff:10.0.0.7]:1", "10.0.0.7"],
  ["[2001:DB8:1:2:3:4:5:6]:1", "2001:db8:1:2::/64"],
  ["[2001:db8::1]:1", "2001:db8:0:0::/64"],
  ["[fe80::1%eth0]:1", "fe80:0:0:0::/64"],
  ["b@b.host", "b@b.host"],
  ["b@b.host (in this process)", "b@b.host (in this process)"],
  ["", ""],
])("%s counts as %s", (remote, address) => {
  expect(addressOf(remote)).toBe(address);
});

test("addresses of one IPv6 network count as one, others do not", () => {
  const same = ["[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff::9]:2"];
  expect(new Set(same.map(addressOf)).size).toBe(1);
  expect(addressOf("[2001:db8:1:3::1]:1")).not.toBe(addressOf(same[0]!));
});
