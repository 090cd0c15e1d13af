import type { AedesOptions, Client } from "aedes";
import { mayPublish, maySubscribe } from "./access.ts";
import type { BrokerSettings } from "./config.ts";
import type { BrokerCode } from "./errors.ts";
import type { Kept } from "./kept.ts";
import type { Denial, Login } from "./login.ts";
import type { Identity } from "./message.ts";
import type { Session, Sessions } from "./session.ts";
import { quote } from "./topic.ts";

/** Lets clients in and grants subscriptions. */
export function createAdmission(deps: AdmissionDeps): Admission {
  const { settings, sessions, login, kept } = deps;
  const holders = new Map<string, Session>();

  async function admit(session: Session, client: Client): Promise<Identity | Denial> {
    const { connect, from } = session;
    if (connect === null) throw new Error("BUG: a login before CONNECT");
    const keepalive = connect.keepalive ?? 0;
    if (keepalive === 0 || keepalive > settings.BROKER_KEEPALIVE_MAX_S) {
      const reason = `keep-alive of ${keepalive} s, expected 1 to ${settings.BROKER_KEEPALIVE_MAX_S}`;
      return deny("BROKER_KEEPALIVE_TOO_LONG", reason, 2);
    }
    const { username: user, password = Buffer.alloc(0) } = connect;
    const attempt = await login({
      user,
      password,
      clientId: client.id,
      from: from.address,
      loopback: from.loopback,
      names: from.names,
    });
    if (!attempt.ok) return attempt;
    const { identity } = attempt;

    const holder = holders.get(client.id)?.identity?.user ?? kept.sessions.get(client.id)?.user ?? identity.user;
    if (holder !== identity.user) {
      const reason = `client id ${quote(client.id)} belongs to another user than ${quote(identity.user)}`;
      return deny("BROKER_CLIENT_ID_REFUSED", reason, 2);
    }
    if (connect.clean === false && kept.isFull(client.id)) {
      return deny("BROKER_SESSIONS_FULL", `${settings.BROKER_SESSIONS} sessions are kept already`, 3);
    }
    if (connect.will !== undefined) {
      const will = mayPublish(identity, connect.will.topic);
      if (!will.ok) return deny(will.code, `will: ${will.reason}`, 5);
    }
    return identity;
  }

  function enter(session: Session, client: Client, identity: Identity): void {
    session.identity = identity;
    holders.set(client.id, session);
    session.connection.once("close", () => {
      if (holders.get(client.id) === session) holders.delete(client.id);
    });
    // A session that is kept belongs to its user also while the client is away.
    if (client.clean) kept.drop(client.id);
    else session.connection.once("close", kept.enter(client.id, identity.user));
  }

  return {
    preConnect(client, packet, done) {
      sessions.get(client).connect = packet;
      done(null, true);
    },
    authenticate(client, _user, _password, done) {
      const session = sessions.get(client);
      session.clientId = client.id;
      admit(session, client).then(
        (result) => {
          if (!("ok" in result)) {
            // It may be gone by now, and then nobody would tell.
            if (!session.connection.closed) enter(session, client, result);
            done(null, true);
            return;
          }
          session.ending = true;
          sessions.refuse(session, result.code, result.reason);
          done(Object.assign(new Error(result.reason), { returnCode: result.connack }), false);
        },
        (error: unknown) => {
          session.ending = true;
          deps.onError(error, { stage: "broker", code: "BROKER_CLIENT_ERROR" });
          done(Object.assign(new Error("login failed", { cause: error }), { returnCode: 3 }), false);
        },
      );
    },
    authorizeSubscribe(client, subscription, done) {
      const session = sessions.get(client);
      const { topic: filter } = subscription;
      const verdict = session.identity === null ? null : maySubscribe(session.identity, filter);
      if (verdict?.ok !== true) {
        if (verdict !== null) sessions.refuse(session, verdict.code, verdict.reason, filter);
        done(null, null);
      } else if (session.filters.size >= settings.BROKER_SUBSCRIPTIONS && !session.filters.has(filter)) {
        const reason = `client has ${settings.BROKER_SUBSCRIPTIONS} subscriptions already`;
        sessions.refuse(session, "BROKER_SUBSCRIPTIONS_FULL", reason, filter);
        done(null, null);
      } else {
        session.filters.add(filter);
        done(null, subscription);
      }
    },
    authorizeForward(client, packet) {
      const session = sessions.get(client);
      if (session.connection.writableLength > settings.BROKER_BACKLOG_BYTES && !session.ending) {
        session.ending = true;
        const reason = `client left ${session.connection.writableLength} bytes unread`;
        sessions.refuse(session, "BROKER_SLOW_CONSUMER", reason, packet.topic);
        session.connection.destroy(new Error(reason));
      }
      return packet;
    },
  };
}

function deny(code: BrokerCode, reason: string, connack: number): Denial {
  return { ok: false, code, reason, connack };
}

interface AdmissionDeps {
  readonly settings: BrokerSettings;
  readonly sessions: Sessions;
  readonly login: Login;
  readonly kept: Kept;
  readonly onError: (error: unknown, at: { readonly stage: "broker"; readonly code: BrokerCode }) => void;
}

export type Admission = Required<
  Pick<AedesOptions, "preConnect" | "authenticate" | "authorizeSubscribe" | "authorizeForward">
>;
