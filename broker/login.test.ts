import { beforeAll, expect, test } from "vitest";
import { hashPassword, parseHash } from "./hash.ts";
import { createLogin, type Login, type LoginAttempt } from "./login.ts";
import type { User } from "./users.ts";

let users: ReadonlyMap<string, User>;
let nowMs = 0;

beforeAll(async () => {
  const password = parseHash(await hashPassword("right"));
  if (password === null) throw new Error("no hash");
  users = new Map([
    ["gw", { name: "gw", password, role: "gateway", site: "demo", device: null }],
    ["other", { name: "other", password, role: "gateway", site: "demo", device: null }],
  ]);
});

test("without users an anonymous client is let in on loopback only", async () => {
  const login = await createLogin({ users: null, systemPassword: undefined, now: () => nowMs });
  expect(await attempt(login, { loopback: true })).toEqual("anonymous gateway null");
  expect(await attempt(login, { loopback: true, user: "anyone" })).toEqual("anonymous gateway null");
  expect(await attempt(login, { from: "10.0.0.9" })).toEqual("BROKER_ANONYMOUS_REFUSED 5");
  expect(await attempt(login, { from: "10.0.0.9", user: "gw" }, "right")).toEqual("BROKER_ANONYMOUS_REFUSED 5");
});

test("with users a name needs its password, and no name is still loopback only", async () => {
  const login = await createLogin({ users, systemPassword: undefined, now: () => nowMs });
  expect(await attempt(login, { user: "gw" }, "right")).toEqual("gw gateway demo");
  expect(await attempt(login, { user: "gw" }, "right")).toEqual("gw gateway demo");
  expect(await attempt(login, { user: "gw" }, "wrong")).toEqual("BROKER_PASSWORD_WRONG 4");
  expect(await attempt(login, { user: "gw", loopback: true }, "")).toEqual("BROKER_PASSWORD_WRONG 4");
  expect(await attempt(login, { user: "nobody" }, "right")).toEqual("BROKER_PASSWORD_WRONG 4");
  expect(await attempt(login, {})).toEqual("BROKER_ANONYMOUS_REFUSED 5");
  expect(await attempt(login, { loopback: true })).toEqual("anonymous gateway null");
});

test("the product logs in with its own password, on loopback only", async () => {
  const login = await createLogin({ users, systemPassword: "secret", now: () => nowMs });
  expect(await attempt(login, { user: "wattlas", loopback: true }, "secret")).toEqual("wattlas system null");
  expect(await attempt(login, { user: "wattlas", loopback: true }, "guess")).toEqual("BROKER_PASSWORD_WRONG 4");
  expect(await attempt(login, { user: "wattlas" }, "secret")).toEqual("BROKER_PASSWORD_WRONG 4");
  const without = await createLogin({ users: null, systemPassword: undefined, now: () => nowMs });
  expect(await attempt(without, { user: "wattlas", loopback: true }, "")).toEqual("BROKER_PASSWORD_WRONG 4");
});

test("wrong passwords make one user wait at one address, longer each time", async () => {
  const login = await createLogin({ users, systemPassword: undefined, now: () => nowMs });
  for (let n = 0; n < 3; n++) expect(await attempt(login, { user: "gw" }, "wrong")).toEqual("BROKER_PASSWORD_WRONG 4");
  expect(await attempt(login, { user: "gw" }, "right")).toEqual("BROKER_LOGIN_TOO_OFTEN 3");
  expect(await attempt(login, { user: "other" }, "right")).toEqual("other gateway demo");
  expect(await attempt(login, { user: "gw", from: "10.0.0.2" }, "right")).toEqual("gw gateway demo");
  nowMs += 500;
  expect(await attempt(login, { user: "gw" }, "wrong")).toEqual("BROKER_PASSWORD_WRONG 4");
  nowMs += 500;
  expect(await attempt(login, { user: "gw" }, "wrong")).toEqual("BROKER_LOGIN_TOO_OFTEN 3");
  nowMs += 500;
  expect(await attempt(login, { user: "gw" }, "right")).toEqual("gw gateway demo");
});

test("a client that was let in once is not kept waiting by the failures of others", async () => {
  const login = await createLogin({ users, systemPassword: undefined, now: () => nowMs });
  expect(await attempt(login, { user: "gw" }, "right")).toEqual("gw gateway demo");
  for (let n = 0; n < 3; n++) await attempt(login, { user: "gw" }, "wrong");
  expect(await attempt(login, { user: "gw" }, "wrong")).toEqual("BROKER_LOGIN_TOO_OFTEN 3");
  expect(await attempt(login, { user: "gw" }, "right")).toEqual("gw gateway demo");
});

test("names that could be wildcards or paths are refused before any password", async () => {
  const login = await createLogin({ users, systemPassword: undefined, now: () => nowMs });
  for (const name of ["#", "a+", "a/b", "a\u0001"]) {
    expect(await attempt(login, { user: name }, "right")).toEqual("BROKER_CLIENT_ID_REFUSED 2");
    expect(await attempt(login, { clientId: name, loopback: true })).toEqual("BROKER_CLIENT_ID_REFUSED 2");
  }
});

async function attempt(login: Login, given: Partial<LoginAttempt>, password = ""): Promise<string> {
  const result = await login({
    user: undefined,
    password: Buffer.from(password),
    clientId: "c",
    from: "10.0.0.1",
    loopback: false,
    ...given,
  });
  return result.ok
    ? `${result.identity.user} ${result.identity.role} ${result.identity.site}`
    : `${result.code} ${result.connack}`;
}
