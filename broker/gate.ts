import { BlockList, isIP, isIPv6 } from "node:net";
import { isLoopback } from "./access.ts";
import type { BrokerCode } from "./errors.ts";

// A fleet that comes back after a power cut may take two seconds' worth at once.
const burstSeconds = 2;
// A place takes about 100 bytes; those without a connection are forgotten when there are more.
const rememberedPlaces = 20_000;

/** How many connections come from where, and how fast. Counts sockets, before TLS, WebSocket or CONNECT. */
export function createGate(limits: GateLimits, now: () => number): Gate {
  const gateways = blockList(limits.gateways);
  const places = new Map<string, Place>();
  const all = createBucket(limits.perSecond, now());

  function forget(): void {
    for (const [name, { open, bucket }] of places) {
      if (open === 0 && fill(bucket, now()) >= bucket.most) places.delete(name);
    }
  }

  return {
    enter(address) {
      const declared = isIP(address) !== 0 && gateways.check(address, isIPv6(address) ? "ipv6" : "ipv4");
      const known = declared || isLoopback(address);
      const name = placeOf(address);
      let place = places.get(name);
      if (place === undefined) {
        if (places.size >= rememberedPlaces) forget();
        if (places.size >= rememberedPlaces)
          return full("BROKER_CONNECT_TOO_OFTEN", "connections from too many places");
        const rate = known ? limits.perSecondKnown : limits.perSecondOther;
        place = { open: 0, bucket: createBucket(rate, now()) };
        places.set(name, place);
      }
      const most = known ? limits.openKnown : limits.openOther;
      if (place.open >= most) return full("BROKER_ADDRESS_FULL", `${name} has ${most} connections open already`);
      if (fill(place.bucket, now()) < 1) {
        return full("BROKER_CONNECT_TOO_OFTEN", `${name} connects more than ${place.bucket.perSecond} times a second`);
      }
      if (fill(all, now()) < 1) {
        return full("BROKER_CONNECT_TOO_OFTEN", `more than ${all.perSecond} connections a second`);
      }
      place.bucket.tokens -= 1;
      all.tokens -= 1;
      place.open += 1;
      return { ok: true };
    },
    leave(address) {
      const place = places.get(placeOf(address));
      if (place !== undefined) place.open -= 1;
    },
  };
}

/** An IPv4 address, or the first half of an IPv6 address: one site commonly has all of the second half. */
export function placeOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.toLowerCase().split("::");
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => "0");
  const groups = [...front, ...zeros, ...back].slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${groups.join(":")}::/64`;
}

/** Whether a text is an address, or a network as `10.1.0.0/16`. */
export function isNetwork(text: string): boolean {
  const [address = "", bits, more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || more !== undefined) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

/** Messages of one client: when it is ahead of its rate it has to wait, from `onWait` to `onReady`. */
export function createPace(perSecond: number, now: () => number, deps: PaceDeps): Pace {
  const bucket = createBucket(perSecond, now());
  let timer: NodeJS.Timeout | null = null;
  return {
    mayPass() {
      if (fill(bucket, now()) >= 1) return true;
      if (timer !== null) return false;
      const waitMs = Math.max(1, Math.ceil(((1 - bucket.tokens) * 1000) / perSecond));
      timer = setTimeout(() => {
        timer = null;
        deps.onReady();
      }, waitMs);
      deps.onWait();
      return false;
    },
    pass() {
      bucket.tokens -= 1;
    },
    stop() {
      if (timer !== null) clearTimeout(timer);
    },
  };
}

function createBucket(perSecond: number, at: number): Bucket {
  const most = Math.max(1, perSecond * burstSeconds);
  return { perSecond, most, tokens: most, at };
}

/** What is in it now. */
function fill(bucket: Bucket, at: number): number {
  // A clock that goes back must not empty it.
  const elapsed = Math.max(0, at - bucket.at);
  bucket.at = at;
  bucket.tokens = Math.min(bucket.most, bucket.tokens + (elapsed * bucket.perSecond) / 1000);
  return bucket.tokens;
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits] = network.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

function full(code: BrokerCode, reason: string): Entry {
  return { ok: false, code, reason };
}

type Entry = { readonly ok: true } | { readonly ok: false; readonly code: BrokerCode; readonly reason: string };

export interface Gate {
  /** A socket from this address is open; if it may stay, `leave` when it is closed. */
  enter(address: string): Entry;
  leave(address: string): void;
}

export interface Pace {
  /** Whether a message may pass now. */
  mayPass(): boolean;
  /** One has passed. */
  pass(): void;
  stop(): void;
}

interface PaceDeps {
  readonly onWait: () => void;
  readonly onReady: () => void;
}

interface GateLimits {
  /** Addresses and networks that stand for many sensors, as loopback does. */
  readonly gateways: readonly string[];
  readonly openKnown: number;
  readonly openOther: number;
  readonly perSecond: number;
  readonly perSecondKnown: number;
  readonly perSecondOther: number;
}

interface Place {
  open: number;
  readonly bucket: Bucket;
}

interface Bucket {
  readonly perSecond: number;
  readonly most: number;
  tokens: number;
  at: number;
}
