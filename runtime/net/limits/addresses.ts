/**
 * Which clients count as one. A client chooses its port freely, and in IPv6
 * most hosts choose among 2^64 addresses, so limits per client count by what is
 * left: the IPv4 address, or the first 64 bits of the IPv6 address.
 */

/**
 * The address of a carrier's `remote`, as text: `127.0.0.1` for
 * `127.0.0.1:4711`, `2001:db8:0:0::/64` for `[2001:db8::1]:4711`. A `remote` of
 * any other form, such as one in memory, stands for itself.
 */
export function addressOf(remote: string): string {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):\d+$/.exec(remote);
  const host = match?.[1] ?? match?.[2] ?? remote;
  return host.includes(":") && match !== null ? networkOf(host) : host;
}

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

function networkOf(ipv6: string): string {
  const mapped = MAPPED_IPV4.exec(ipv6)?.[1];
  if (mapped !== undefined) return mapped;
  if (ipv6 === "::1") return ipv6;
  const [head = "", tail] = ipv6.replace(/%.*$/, "").split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from(
    { length: Math.max(0, 8 - left.length - right.length) },
    () => "0",
  );
  const groups = tail === undefined ? left : [...left, ...zeros, ...right];
  return `${groups.slice(0, 4).join(":").toLowerCase()}::/64`;
}
