import { createHmac, randomBytes } from "node:crypto";
import { checkName } from "./access.ts";
import type { BrokerCode } from "./errors.ts";
import { equalSecrets, hashPassword, type PasswordHash, parseHash, verifyPassword } from "./hash.ts";
import type { Identity } from "./message.ts";
import { quote } from "./topic.ts";
import type { User } from "./users.ts";

// After the third wrong password each further one doubles the wait.
const freeAttempts = 3;
const firstWaitMs = 500;
const longestWaitMs = 60_000;
// An attacker with many names must not fill memory.
const rememberedFailures = 10_000;
// Two of libuv's four threads: files and names keep the others.
const parallelChecks = 2;
const waitingChecks = 1000;

/** Decides who a client is. Passwords are checked off the main thread, and once: a reconnecting fleet is let in at once. */
export async function createLogin(deps: LoginDeps): Promise<Login> {
  const { users, systemPassword, now } = deps;
  const key = randomBytes(32);
  const proven = new Map<string, Buffer>();
  const failures = new Map<string, Failures>();
  const turn = createTurns();
  const decoy = users === null ? null : await makeDecoy();

  const digest = (user: User, password: Buffer) =>
    createHmac("sha256", key).update(user.password.hash).update(password).digest();

  function recordFailure(place: string): void {
    const count = (failures.get(place)?.count ?? 0) + 1;
    const wait = count < freeAttempts ? 0 : Math.min(firstWaitMs * 2 ** (count - freeAttempts), longestWaitMs);
    failures.delete(place);
    failures.set(place, { count, until: now() + wait });
    const oldest = failures.keys().next().value;
    if (failures.size > rememberedFailures && oldest !== undefined) failures.delete(oldest);
  }

  async function checkPassword(name: string, password: Buffer, from: string): Promise<User | Denial> {
    if (decoy === null) throw new Error("BUG: a password check without users");
    const user = users?.get(name);
    const seen = user && proven.get(name);
    if (user && seen && equalSecrets(seen, digest(user, password))) return user;

    const place = `${from} ${name}`;
    const failed = failures.get(place);
    if (failed !== undefined && failed.until > now()) {
      const reason = `user ${quote(name)} has ${failed.count} wrong passwords behind it, wait`;
      return deny("BROKER_LOGIN_TOO_OFTEN", reason, 3);
    }
    // An unknown user costs the same time, so that names cannot be guessed by the clock.
    const right = await turn(() => verifyPassword(password, user?.password ?? decoy));
    if (right === "full") return deny("BROKER_LOGIN_TOO_OFTEN", "too many logins at once", 3);
    if (right && user) {
      failures.delete(place);
      proven.set(name, digest(user, password));
      return user;
    }
    recordFailure(place);
    return deny("BROKER_PASSWORD_WRONG", `user ${quote(name)} or its password is wrong`, 4);
  }

  return async ({ user: name, password, clientId, from, loopback, names = null }) => {
    for (const named of [checkName("client id", clientId), checkName("user name", name ?? "")]) {
      if (!named.ok) return deny(named.code, named.reason, 2);
    }

    if (names !== null) {
      const owner = names.map((each) => users?.get(each)).find((each) => each !== undefined);
      if (owner === undefined) {
        const reason = `certificate of ${quote(names[0] ?? "")} names no user`;
        return deny("BROKER_CERTIFICATE_REFUSED", reason, 5);
      }
      if (name !== undefined && name !== owner.name) {
        const reason = `certificate is of user ${quote(owner.name)}, not ${quote(name)}`;
        return deny("BROKER_CERTIFICATE_REFUSED", reason, 5);
      }
      const { role, site, device } = owner;
      return { ok: true, identity: { user: owner.name, role, site, device, clientId, loopback } };
    }
    if (name === "wattlas") {
      const right = loopback && systemPassword !== undefined && equalSecrets(password, Buffer.from(systemPassword));
      if (!right) return deny("BROKER_PASSWORD_WRONG", `user "wattlas" is the product itself on loopback`, 4);
      return { ok: true, identity: { user: name, role: "system", site: null, device: null, clientId, loopback } };
    }
    if (users !== null && name !== undefined) {
      const user = await checkPassword(name, password, from);
      if ("ok" in user) return user;
      const { role, site, device } = user;
      return { ok: true, identity: { user: name, role, site, device, clientId, loopback } };
    }
    // Without a users file there is nothing to check a name against.
    if (!loopback) return deny("BROKER_ANONYMOUS_REFUSED", `anonymous client from ${from}, which is not loopback`, 5);
    const identity: Identity = { user: "anonymous", role: "gateway", site: null, device: null, clientId, loopback };
    return { ok: true, identity };
  };
}

async function makeDecoy(): Promise<PasswordHash> {
  const hash = parseHash(await hashPassword(randomBytes(16).toString("base64")));
  if (hash === null) throw new Error("BUG: a fresh hash does not parse");
  return hash;
}

function createTurns(): <T>(job: () => Promise<T>) => Promise<T | "full"> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (job) => {
    if (running >= parallelChecks) {
      if (waiting.length >= waitingChecks) return "full";
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      return await job();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}

function deny(code: BrokerCode, reason: string, connack: number): Denial {
  return { ok: false, code, reason, connack };
}

export type Login = (attempt: LoginAttempt) => Promise<{ readonly ok: true; readonly identity: Identity } | Denial>;

export interface LoginAttempt {
  readonly user: string | undefined;
  readonly password: Buffer;
  readonly clientId: string;
  /** Remote address. */
  readonly from: string;
  readonly loopback: boolean;
  /** Names of the client certificate, which stands for a password; null without one. */
  readonly names?: readonly string[] | null;
}

/** `connack` is a return code of MQTT 3.1.1, table 3.1. */
export interface Denial {
  readonly ok: false;
  readonly code: BrokerCode;
  readonly reason: string;
  readonly connack: number;
}

interface LoginDeps {
  /** Null: there is no users file. */
  readonly users: ReadonlyMap<string, User> | null;
  readonly systemPassword: string | undefined;
  readonly now: () => number;
}

interface Failures {
  readonly count: number;
  readonly until: number;
}
