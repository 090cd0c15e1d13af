import { lookup as resolve } from "node:dns";
import { BlockList, isIP, isIPv6, type LookupFunction } from "node:net";

// Addresses that are not of the public internet: RFC 6890 and IANA's special-purpose registries.
const special: readonly (readonly [network: string, bits: number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
  ["::", 128],
  ["::1", 128],
  // Addresses of version 4 in disguise are looked at as such; translated ones are not followed.
  ["64:ff9b::", 96],
  ["64:ff9b:1::", 48],
  ["100::", 64],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
];

const familyOf = (address: string): "ipv4" | "ipv6" => (isIPv6(address) ? "ipv6" : "ipv4");

const notPublic = new BlockList();
for (const [network, bits] of special) notPublic.addSubnet(network, bits, familyOf(network));

/** Which addresses a message may be sent to: public ones, and the networks that are named. */
export interface Reach {
  mayReach(address: string): boolean;
  /** `dns.lookup` that gives only addresses that may be reached; what it gives is what the socket connects to. */
  readonly lookup: LookupFunction;
}

/** An address or a network as `10.1.0.0/16`. */
export const isNetwork = (text: string): boolean => {
  const [address = "", bits, more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || more !== undefined) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
};

export const createReach = (networks: readonly string[]): Reach => {
  const named = new BlockList();
  for (const network of networks) {
    const [address = "", bits] = network.split("/");
    if (bits === undefined) named.addAddress(address, familyOf(address));
    else named.addSubnet(address, Number(bits), familyOf(address));
  }
  const mayReach = (address: string): boolean => {
    const plain = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
    if (isIP(plain) === 0) return false;
    const family = familyOf(plain);
    return named.check(plain, family) || !notPublic.check(plain, family);
  };
  return {
    mayReach,
    lookup: (hostname, options, done) => {
      resolve(hostname, { ...options, all: true }, (error, found) => {
        if (error) return done(error, "");
        const allowed = found.filter(({ address }) => mayReach(address));
        const [first] = allowed;
        if (first === undefined) return done(new Error(refusal(hostname)), "");
        if (options.all) done(null, allowed);
        else done(null, first.address, first.family);
      });
    },
  };
};

export const refusal = (host: string): string =>
  `"${host}" is a private address: name its network in RULES_NOTIFY_NETWORKS to allow it`;
