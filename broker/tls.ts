import { constants } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import type { Socket } from "node:net";
import { createSecureContext, createServer, type SecureContextOptions, type TLSSocket } from "node:tls";
import { isLoopback } from "./access.ts";
import { certificateNames } from "./certificate.ts";
import type { BrokerCode } from "./errors.ts";
import { accept, type ListenAddress, type ListenDeps, type Listener } from "./listen.ts";

/** Accepts MQTT on TLS 1.2 and 1.3. Certificates that change on disk are taken for new connections. */
export async function listenTls(at: ListenAddress & TlsSettings, deps: TlsDeps): Promise<Listener> {
  let files = await readFiles(at);
  const server = createServer(
    {
      ...files.context,
      minVersion: "TLSv1.2",
      requestCert: at.caFile !== undefined,
      // Judged below, so that a refusal has a reason.
      rejectUnauthorized: false,
      // A resumed session would skip the check of a certificate.
      ...(at.caFile === undefined ? {} : { secureOptions: constants.SSL_OP_NO_TICKET }),
      handshakeTimeout: at.handshakeMs,
    },
    (socket) => {
      const from = socket.remoteAddress ?? "unknown";
      const judged = judge(socket, at);
      if (!judged.ok) {
        deps.onRefused("BROKER_CERTIFICATE_REFUSED", judged.reason, from);
        socket.destroy();
        return;
      }
      deps.onConnection(socket, { address: from, loopback: isLoopback(from), names: judged.names });
    },
  );
  server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
    deps.onRefused("BROKER_TLS_FAILED", `TLS handshake failed: ${error.message}`, socket.remoteAddress ?? "unknown");
    socket.destroy();
  });
  const listener = await accept(at, deps, (socket: Socket) => server.emit("connection", socket));

  let looking = false;
  async function look(): Promise<void> {
    if (looking) return;
    looking = true;
    try {
      if ((await stampOf(at)) === files.stamp) return;
      const next = await readFiles(at);
      server.setSecureContext(next.context);
      files = next;
    } catch (error) {
      // The old ones stay in use; told once for each change.
      const stamp = await stampOf(at).catch(() => "missing");
      if (stamp === files.faulty) return;
      files = { ...files, faulty: stamp };
      deps.onError(error instanceof Error ? error : new Error(String(error)));
    } finally {
      looking = false;
    }
  }
  const timer = setInterval(() => void look(), at.reloadMs);
  timer.unref();
  return {
    port: listener.port,
    close() {
      clearInterval(timer);
      return listener.close();
    },
  };
}

function judge(socket: TLSSocket, at: TlsSettings): Judged {
  if (at.caFile === undefined) return { ok: true, names: null };
  const certificate = socket.getPeerCertificate();
  if (certificate === null || Object.keys(certificate).length === 0) {
    if (at.clientCertificate === "optional") return { ok: true, names: null };
    return { ok: false, reason: "client has no certificate" };
  }
  if (!socket.authorized) return { ok: false, reason: `client certificate: ${String(socket.authorizationError)}` };
  return { ok: true, names: certificateNames(certificate) };
}

async function readFiles(at: TlsSettings): Promise<TlsFiles> {
  const stamp = await stampOf(at);
  const read = async (path: string, setting: string) => {
    try {
      return await readFile(path);
    } catch (cause) {
      throw new Error(`cannot read ${path}: set ${setting} to a file that is there`, { cause });
    }
  };
  const context: SecureContextOptions = {
    cert: await read(at.certFile, "BROKER_TLS_CERT_FILE"),
    key: await read(at.keyFile, "BROKER_TLS_KEY_FILE"),
    ...(at.caFile === undefined ? {} : { ca: await read(at.caFile, "BROKER_TLS_CA_FILE") }),
  };
  try {
    createSecureContext(context);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${at.certFile} and ${at.keyFile} are not a certificate and its key in PEM: ${reason}`, { cause });
  }
  return { stamp, context, faulty: "" };
}

/** Changes when one of the files does. */
async function stampOf({ certFile, keyFile, caFile }: TlsSettings): Promise<string> {
  const paths = [certFile, keyFile, ...(caFile === undefined ? [] : [caFile])];
  const stats = await Promise.all(paths.map((path) => stat(path, { bigint: true }).catch(() => null)));
  return stats.map((each) => (each === null ? "missing" : `${each.mtimeNs} ${each.size} ${each.ino}`)).join(", ");
}

export interface TlsSettings {
  readonly certFile: string;
  readonly keyFile: string;
  /** Authority of client certificates; without it none is asked for. */
  readonly caFile: string | undefined;
  readonly clientCertificate: "optional" | "required";
  readonly handshakeMs: number;
  readonly reloadMs: number;
}

interface TlsDeps extends ListenDeps {
  readonly onRefused: (code: BrokerCode, reason: string, from: string) => void;
}

interface TlsFiles {
  readonly stamp: string;
  readonly context: SecureContextOptions;
  /** Stamp of newer files that could not be used. */
  readonly faulty: string;
}

type Judged =
  | { readonly ok: true; readonly names: readonly string[] | null }
  | { readonly ok: false; readonly reason: string };
