import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseUsers } from "./users.ts";

const hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

test("a users file gives its users", () => {
  const result = parseUsers(`
users:
  - { name: ann, password: "${hash}", role: admin }
  - { name: gw-1, password: "${hash}", role: gateway, site: demo }
  - { name: m-1, password: "${hash}", role: device, site: demo, device: m-1 }
  - { name: __proto__, password: "${hash}", role: reader, site: demo }
`);
  expect(result.ok).toBe(true);
  if (!result.ok) return;
  expect([...result.users.keys()]).toEqual(["ann", "gw-1", "m-1", "__proto__"]);
  expect(result.users.get("m-1")).toMatchObject({ role: "device", site: "demo", device: "m-1" });
  expect(result.users.get("ann")).toMatchObject({ role: "admin", site: null, device: null });
});

test("the users file that is shipped as an example loads", () => {
  const result = parseUsers(readFileSync(new URL("./users.good.yaml", import.meta.url), "utf8"));
  expect(result.ok && [...result.users.values()].map(({ name, role }) => `${name} ${role}`)).toEqual([
    "operator admin",
    "gateway-1 gateway",
    "meter-7 device",
    "screen-1 reader",
  ]);
});

test("every fault is told with its place", () => {
  expect(
    faults(`users:
  - { name: ann, password: plain, role: admin }
  - { name: a/b, password: "${hash}", role: gateway, site: demo }
  - { name: wattlas, password: "${hash}", role: admin }
  - { name: gw, password: "${hash}", role: gateway }
  - { name: m, password: "${hash}", role: device, site: demo }
  - { name: n, password: "${hash}", role: reader, site: "a b" }
  - { name: o, password: "${hash}", role: admin, site: demo }
  - { name: p, password: "${hash}", role: gateway, site: demo, device: d }
  - { name: q, password: "${hash}", role: king }
  - { name: r, password: "${hash}", role: admin, colour: red }
`),
  ).toEqual([
    "2:28 users[0].password: expected an argon2id or scrypt hash: node broker/password.ts makes one",
    '3:13 users[1].name: user name "a/b" has "/"',
    '4:13 users[2].name: "wattlas" is a name of Wattlas\'s own, choose another',
    "5:5 users[3].site: a gateway needs a site",
    "6:5 users[4].device: a device needs the name of its device",
    '7:136 users[5].site: expected 1 to 64 of letters, digits, ".", "_" and "-"',
    "8:135 users[6].site: an admin is not bound to a site",
    "9:151 users[7].device: a gateway is not bound to a device",
    '10:122 users[8].role: Invalid option: expected one of "admin"|"gateway"|"device"|"reader"',
    '11:5 users[9]: Unrecognized key: "colour"',
  ]);
});

test("a name that is there twice is a fault", () => {
  const user = `{ name: ann, password: "${hash}", role: admin }`;
  expect(faults(`users: [${user},\n ${user}]`)).toEqual(['2:10 users[1].name: "ann" is there twice']);
});

test("a file that is not YAML, empty, or of another shape is a fault", () => {
  expect(faults("users: [")[0]).toMatch(/^1:9 /);
  expect(faults("")).toEqual(["1:1 Invalid input: expected object, received null"]);
  expect(faults("- ann")).toEqual(["1:1 Invalid input: expected object, received array"]);
  expect(faults("users: 7")).toEqual(["1:8 users: Invalid input: expected array, received number"]);
  expect(faults("users: []\nusers: []")).toEqual(["2:1 Map keys must be unique at line 2, column 1:"]);
});

function faults(source: string): string[] {
  const result = parseUsers(source);
  if (result.ok) throw new Error("expected faults");
  return result.faults.map(({ line, column, message }) => `${line}:${column} ${message}`);
}
