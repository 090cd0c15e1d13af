import { describe, expect, test } from "vitest";
import { createGate, createPace, isNetwork, placeOf } from "./gate.ts";

const limits = {
  gateways: ["10.1.0.0/16", "192.0.2.7", "2001:db8:1::/48"],
  openKnown: 4,
  openOther: 2,
  perSecond: 10,
  perSecondKnown: 8,
  perSecondOther: 1,
};

describe("gate", () => {
  test("one address may hold so many connections, a gateway more", () => {
    const { gate, wait } = opened();
    expect(enter(gate, "198.51.100.1", 3)).toEqual(["ok", "ok", "BROKER_ADDRESS_FULL"]);
    expect(enter(gate, "198.51.100.2", 1)).toEqual(["ok"]);
    expect(enter(gate, "10.1.2.3", 5)).toEqual(["ok", "ok", "ok", "ok", "BROKER_ADDRESS_FULL"]);
    expect(enter(gate, "127.0.0.1", 5)).toEqual(["ok", "ok", "ok", "ok", "BROKER_ADDRESS_FULL"]);
    wait(2000);
    gate.leave("198.51.100.1");
    expect(enter(gate, "198.51.100.1", 2)).toEqual(["ok", "BROKER_ADDRESS_FULL"]);
  });

  test("one address may connect so often, twice its rate at once", () => {
    const { gate, wait } = opened();
    const comeAndGo = () => {
      const [entry] = enter(gate, "198.51.100.1", 1);
      if (entry === "ok") gate.leave("198.51.100.1");
      return entry;
    };
    expect([comeAndGo(), comeAndGo(), comeAndGo()]).toEqual(["ok", "ok", "BROKER_CONNECT_TOO_OFTEN"]);
    wait(999);
    expect(comeAndGo()).toBe("BROKER_CONNECT_TOO_OFTEN");
    wait(1);
    expect([comeAndGo(), comeAndGo()]).toEqual(["ok", "BROKER_CONNECT_TOO_OFTEN"]);
  });

  test("all addresses together may connect so often", () => {
    const { gate } = opened();
    const entries = Array.from({ length: 21 }, (_, n) => enter(gate, `198.51.100.${n}`, 1)[0]);
    expect(entries.filter((entry) => entry === "ok")).toHaveLength(20);
    expect(entries.at(-1)).toBe("BROKER_CONNECT_TOO_OFTEN");
  });

  test("a refusal says what the limit is", () => {
    const { gate } = opened();
    enter(gate, "198.51.100.1", 2);
    expect(gate.enter("198.51.100.1")).toMatchObject({ reason: "198.51.100.1 has 2 connections open already" });
    gate.leave("198.51.100.1");
    expect(gate.enter("198.51.100.1")).toMatchObject({ reason: "198.51.100.1 connects more than 1 times a second" });
  });

  test("places without connections are forgotten", () => {
    const { gate, wait } = opened({ ...limits, perSecond: 1_000_000 });
    for (let n = 0; n < 60_000; n++) {
      const address = `100.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
      expect(gate.enter(address).ok).toBe(true);
      gate.leave(address);
      wait(1);
    }
  });

  test("addresses of one IPv6 network count as one, mapped IPv4 as IPv4", () => {
    expect(placeOf("2001:db8::1")).toBe("2001:db8:0:0::/64");
    expect(placeOf("2001:db8:0:0:ffff::2")).toBe("2001:db8:0:0::/64");
    expect(placeOf("2001:DB8:1:2:3:4:5:6")).toBe("2001:db8:1:2::/64");
    expect(placeOf("::1")).toBe("0:0:0:0::/64");
    expect(placeOf("::ffff:10.0.0.1")).toBe("10.0.0.1");
    expect(placeOf("10.0.0.1")).toBe("10.0.0.1");
    expect(placeOf("unknown")).toBe("unknown");
  });

  test("gateways are declared as addresses or networks", () => {
    const { gate } = opened();
    expect(enter(gate, "192.0.2.7", 3)).toEqual(["ok", "ok", "ok"]);
    expect(enter(gate, "::ffff:10.1.9.9", 3)).toEqual(["ok", "ok", "ok"]);
    expect(enter(gate, "2001:db8:1:5::9", 3)).toEqual(["ok", "ok", "ok"]);
    for (const text of ["10.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32"]) expect(isNetwork(text)).toBe(true);
    for (const text of ["10.0.0", "10.0.0.0/33", "x", "::/129", "10.0.0.0/8/8", "10.0.0.0/"]) {
      expect(isNetwork(text)).toBe(false);
    }
  });
});

describe("pace", () => {
  test("a client ahead of its rate waits, and is told when it need no longer", async () => {
    let time = 0;
    let waits = 0;
    const ready = Promise.withResolvers<void>();
    const pace = createPace(5, () => time, { onWait: () => (waits += 1), onReady: ready.resolve });
    for (let n = 0; n < 10; n++) {
      expect(pace.mayPass()).toBe(true);
      pace.pass();
    }
    expect([pace.mayPass(), pace.mayPass()]).toEqual([false, false]);
    expect(waits).toBe(1);
    time += 200;
    await ready.promise;
    expect(pace.mayPass()).toBe(true);
    pace.pass();
    expect(pace.mayPass()).toBe(false);
    pace.stop();
  });
});

function opened(changed = limits) {
  let time = 0;
  const gate = createGate(changed, () => time);
  return {
    gate,
    wait(ms: number) {
      time += ms;
    },
  };
}

function enter(gate: ReturnType<typeof createGate>, address: string, times: number): string[] {
  return Array.from({ length: times }, () => {
    const entry = gate.enter(address);
    return entry.ok ? "ok" : entry.code;
  });
}
