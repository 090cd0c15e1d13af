import { expect, test } from "vitest";
import { checkName, isLoopback, mayPublish, maySubscribe, mayTell, mayWrite } from "./access.ts";
import type { Identity } from "./message.ts";

const base = { clientId: "c", loopback: false, site: null, device: null } as const;
const system: Identity = { ...base, user: "wattlas", role: "system", loopback: true };
const admin: Identity = { ...base, user: "ann", role: "admin" };
const anonymous: Identity = { ...base, user: "anonymous", role: "gateway", loopback: true };
const gateway: Identity = { ...base, user: "gw", role: "gateway", site: "demo" };
const device: Identity = { ...base, user: "m1", role: "device", site: "demo", device: "m-1" };
const reader: Identity = { ...base, user: "eye", role: "reader", site: "demo" };

test("only the product writes reserved topics", () => {
  for (const topic of ["dc/demo/account/1m", "dc/demo/alert/R04/x", "dc/system/wattlas/telemetry", "$SYS/x", "$x"]) {
    publishes(system, topic);
    for (const other of [admin, anonymous, gateway, device]) refusesPublish(other, topic, "BROKER_TOPIC_RESERVED");
  }
});

test("an admin writes any site and any dialect", () => {
  publishes(admin, "dc/demo/r-1/telemetry");
  publishes(admin, "dc/other/gw/batch");
  publishes(admin, "shellies/plug/relay/0/power");
});

test("who may tell of a device is who may publish its telemetry", () => {
  for (const identity of [system, admin, anonymous, gateway, device, reader])
    for (const site of ["demo", "other", "system"])
      for (const name of ["m-1", "m-2"])
        expect(mayTell(identity, site, name)).toBe(mayPublish(identity, `dc/${site}/${name}/telemetry`).ok);
});

test("an anonymous client on loopback writes what an admin writes", () => {
  publishes(anonymous, "dc/demo/r-1/telemetry");
  publishes(anonymous, "telegraf/host/modbus");
  publishes(anonymous, "dc/demo/r-1/telemetri");
});

test("a gateway writes below its site and foreign dialects", () => {
  publishes(gateway, "dc/demo/r-1/telemetry");
  publishes(gateway, "dc/demo/gw/batch");
  publishes(gateway, "dc/demo/r-1/a-form-to-come");
  publishes(gateway, "telegraf/host/modbus");
  refusesPublish(gateway, "dc/other/r-1/telemetry", "BROKER_TOPIC_FOREIGN");
  refusesPublish(gateway, "dc/demo2/r-1/telemetry", "BROKER_TOPIC_FOREIGN");
  refusesPublish(gateway, "dc/dem/r-1/telemetry", "BROKER_TOPIC_FOREIGN");
  refusesPublish(gateway, "dc//r-1/telemetry", "BROKER_TOPIC_MALFORMED");
  refusesPublish(gateway, "dc/demo", "BROKER_TOPIC_MALFORMED");
  refusesPublish(gateway, "dc", "BROKER_TOPIC_MALFORMED");
});

test("a device writes only as itself", () => {
  publishes(device, "dc/demo/m-1/telemetry");
  publishes(device, "dc/demo/m-1/status");
  publishes(device, "shellies/m-1/status");
  refusesPublish(device, "dc/demo/m-2/telemetry", "BROKER_TOPIC_FOREIGN");
  refusesPublish(device, "dc/demo/m-1x/telemetry", "BROKER_TOPIC_FOREIGN");
  refusesPublish(device, "dc/other/m-1/telemetry", "BROKER_TOPIC_FOREIGN");
});

test("a reader writes nothing", () => {
  refusesPublish(reader, "dc/demo/r-1/telemetry", "BROKER_TOPIC_FOREIGN");
  refusesPublish(reader, "shellies/x", "BROKER_TOPIC_FOREIGN");
});

test("a topic that is empty or steers a terminal is refused", () => {
  refusesPublish(system, "", "BROKER_TOPIC_MALFORMED");
  refusesPublish(admin, "dc/demo/r-1\u001b[2J/telemetry", "BROKER_TOPIC_MALFORMED");
  refusesPublish(anonymous, "shellies/\u0000", "BROKER_TOPIC_MALFORMED");
});

test("what only the payload tells is held to the same rights", () => {
  expect(mayWrite(device, "demo", "m-1").ok).toBe(true);
  expect(mayWrite(device, "demo", "m-2").ok).toBe(false);
  expect(mayWrite(gateway, "demo", "m-2").ok).toBe(true);
  expect(mayWrite(gateway, "other", "m-2").ok).toBe(false);
  expect(mayWrite(anonymous, "other", "m-2").ok).toBe(true);
  expect(mayWrite(anonymous, "system", "wattlas").ok).toBe(false);
  expect(mayWrite(admin, "demo", "account").ok).toBe(false);
  expect(mayWrite(reader, "demo", "m-1").ok).toBe(false);
});

test("who has a site reads below it", () => {
  for (const identity of [gateway, device, reader]) {
    subscribes(identity, "dc/demo/#");
    subscribes(identity, "dc/demo/+/telemetry");
    subscribes(identity, "dc/demo/account/1m");
    refusesSubscribe(identity, "#", "BROKER_SUBSCRIBE_REFUSED");
    refusesSubscribe(identity, "dc/#", "BROKER_SUBSCRIBE_REFUSED");
    refusesSubscribe(identity, "dc/+/r-1/telemetry", "BROKER_SUBSCRIBE_REFUSED");
    refusesSubscribe(identity, "+/demo/#", "BROKER_SUBSCRIBE_REFUSED");
    refusesSubscribe(identity, "dc/other/#", "BROKER_SUBSCRIBE_REFUSED");
    refusesSubscribe(identity, "shellies/#", "BROKER_SUBSCRIBE_REFUSED");
    refusesSubscribe(identity, "$SYS/#", "BROKER_SUBSCRIBE_REFUSED");
  }
});

test("who has no site reads all but the broker's own topics", () => {
  subscribes(anonymous, "#");
  subscribes(anonymous, "dc/+/account/#");
  refusesSubscribe(anonymous, "$SYS/#", "BROKER_SUBSCRIBE_REFUSED");
  refusesSubscribe(anonymous, "$share/group/dc/#", "BROKER_SUBSCRIBE_REFUSED");
  subscribes(admin, "$SYS/#");
  refusesSubscribe(admin, "$wattlas/refused", "BROKER_SUBSCRIBE_REFUSED");
  subscribes(system, "$SYS/#");
});

test("a filter with a misplaced wildcard is refused with the place", () => {
  expect(maySubscribe(admin, "dc/#/x")).toMatchObject({
    reason: 'filter "dc/#/x" has "#" at position 2, expected it last',
  });
  expect(maySubscribe(admin, "dc/a+")).toMatchObject({
    reason: 'filter "dc/a+" has "a+" at position 2, wildcards stand alone',
  });
  refusesSubscribe(admin, "+a", "BROKER_TOPIC_MALFORMED");
  refusesSubscribe(admin, "a#", "BROKER_TOPIC_MALFORMED");
  refusesSubscribe(admin, "", "BROKER_TOPIC_MALFORMED");
});

test("names that could be wildcards, paths or control sequences are refused", () => {
  for (const name of ["#", "a+b", "a/b", "a\u0007", "a\u0000", "\u007f", "\u0085", "x".repeat(257)]) {
    expect(checkName("client id", name)).toMatchObject({ ok: false, code: "BROKER_CLIENT_ID_REFUSED" });
  }
  for (const name of ["", "meter 7", "表-1", "__proto__", "x".repeat(256)]) {
    expect(checkName("user name", name)).toEqual({ ok: true });
  }
});

test("loopback is this machine and nothing else", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1", "localhost"]) {
    expect([host, isLoopback(host)]).toEqual([host, true]);
  }
  for (const host of [
    "0.0.0.0",
    "::",
    "10.0.0.1",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "128.0.0.1",
    "",
  ]) {
    expect([host, isLoopback(host)]).toEqual([host, false]);
  }
});

function publishes(identity: Identity, topic: string): void {
  expect({ topic, ...mayPublish(identity, topic) }).toEqual({ topic, ok: true });
}

function refusesPublish(identity: Identity, topic: string, code: string): void {
  expect({ topic, ...mayPublish(identity, topic) }).toMatchObject({ topic, ok: false, code });
}

function subscribes(identity: Identity, filter: string): void {
  expect({ filter, ...maySubscribe(identity, filter) }).toEqual({ filter, ok: true });
}

function refusesSubscribe(identity: Identity, filter: string, code: string): void {
  expect({ filter, ...maySubscribe(identity, filter) }).toMatchObject({ filter, ok: false, code });
}
