import { expect, test } from "vitest";
import { certificateNames } from "./certificate.ts";

test("the common name and names of kind DNS and email count, once each", () => {
  expect(certificateNames({ subject: { CN: "gw-1" } })).toEqual(["gw-1"]);
  expect(
    certificateNames({ subject: { CN: "gw-1" }, subjectaltname: "DNS:gw-1, DNS:m-1, email:a@b.example, URI:x" }),
  ).toEqual(["gw-1", "m-1", "a@b.example"]);
});

test("two common names, no name and odd kinds are no name", () => {
  expect(certificateNames({ subject: { CN: ["a", "b"] } })).toEqual([]);
  expect(certificateNames({})).toEqual([]);
  expect(certificateNames({ subject: { CN: "" }, subjectaltname: "IP Address:127.0.0.1, DirName:CN=a" })).toEqual([]);
});

test("a quoted value does not smuggle a name in", () => {
  expect(certificateNames({ subjectaltname: 'URI:"x, DNS:admin, y", DNS:m-1' })).toEqual(["m-1"]);
  expect(certificateNames({ subjectaltname: 'DNS:"a, DNS:admin"' })).toEqual([]);
  expect(certificateNames({ subjectaltname: 'URI:"x\\", DNS:admin, y", DNS:m-1' })).toEqual(["m-1"]);
  expect(certificateNames({ subjectaltname: 'URI:"never ends, DNS:admin' })).toEqual([]);
});
