import { LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { checkName } from "./access.ts";
import { type PasswordHash, parseHash } from "./hash.ts";
import type { Identity } from "./message.ts";

const reservedNames = ["anonymous", "wattlas"];
const identifier = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'expected 1 to 64 of letters, digits, ".", "_" and "-"');

const userSchema = z
  .strictObject({
    name: z.string().min(1),
    password: z.string(),
    role: z.enum(["admin", "gateway", "device", "reader"]),
    site: identifier.optional(),
    device: identifier.optional(),
  })
  .superRefine((user, context) => {
    const fault = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
    const name = checkName("user name", user.name);
    if (!name.ok) fault("name", name.reason);
    if (reservedNames.includes(user.name)) fault("name", `"${user.name}" is a name of Wattlas's own, choose another`);
    if (parseHash(user.password) === null) {
      fault("password", "expected an argon2id or scrypt hash: node broker/password.ts makes one");
    }
    if (user.role === "admin") {
      if (user.site !== undefined) fault("site", "an admin is not bound to a site");
    } else if (user.site === undefined) {
      fault("site", `a ${user.role} needs a site`);
    }
    if (user.role === "device" && user.device === undefined) fault("device", "a device needs the name of its device");
    if (user.role !== "device" && user.device !== undefined) fault("device", `a ${user.role} is not bound to a device`);
  });

const fileSchema = z.strictObject({ users: z.array(userSchema) });

/** Reads a users file: `users: [{name, password, role, site, device}]`. All faults at once, in the order of the file. */
export function parseUsers(source: string): UsersResult {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, uniqueKeys: true });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  if (document.errors.length > 0) {
    return { ok: false, faults: document.errors.map((e) => ({ ...at(e.pos[0]), message: firstLine(e.message) })) };
  }
  const position = (path: readonly PropertyKey[]) => {
    for (let length = path.length; length >= 0; length--) {
      const node: unknown = document.getIn(path.slice(0, length), true);
      const range = typeof node === "object" && node !== null && "range" in node ? node.range : null;
      if (Array.isArray(range)) return at(Number(range[0]));
    }
    return at(0);
  };

  const parsed = fileSchema.safeParse(document.toJS());
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => ({ ...position(issue.path), message: describe(issue) }));
    return { ok: false, faults: faults.sort(byPosition) };
  }
  const users = new Map<string, User>();
  const faults: UsersFault[] = [];
  for (const [index, entry] of parsed.data.users.entries()) {
    const password = parseHash(entry.password);
    if (password === null) throw new Error("BUG: a checked hash does not parse");
    if (users.has(entry.name)) {
      faults.push({
        ...position(["users", index, "name"]),
        message: `users[${index}].name: "${entry.name}" is there twice`,
      });
    }
    const { name, role, site = null, device = null } = entry;
    users.set(name, { name, password, role, site, device });
  }
  return faults.length > 0 ? { ok: false, faults } : { ok: true, users };
}

function describe(issue: z.core.$ZodIssue): string {
  const path = issue.path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
  return path === "" ? issue.message : `${path.slice(1)}: ${issue.message}`;
}

function byPosition(a: UsersFault, b: UsersFault): number {
  return a.line - b.line || a.column - b.column;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}

export type UsersResult =
  | { readonly ok: true; readonly users: ReadonlyMap<string, User> }
  | { readonly ok: false; readonly faults: readonly UsersFault[] };

export interface UsersFault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface User extends Pick<Identity, "role" | "site" | "device"> {
  readonly name: string;
  readonly password: PasswordHash;
}
