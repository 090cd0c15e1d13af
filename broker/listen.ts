import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createWebSocketStream, type WebSocket, WebSocketServer } from "ws";
import { isLoopback } from "./access.ts";
import type { BrokerCode } from "./errors.ts";

// Heads of frames and the pieces of a CONNECT that comes in several.
const framingBytes = 8192;
// A piece costs some 200 bytes beside its own; messages come in segments of 1220 bytes or more.
const leastPieces = 512;
const bytesOfPiece = 1024;

// MQTT 3.1.1 §6, and its name before standardisation.
const subprotocols = ["mqtt", "mqttv3.1"];

/** Accepts MQTT on TCP. */
export async function listenTcp(at: ListenAddress, deps: ListenDeps): Promise<Listener> {
  return await accept(at, deps, (socket) => {
    const from = socket.remoteAddress ?? "unknown";
    deps.onConnection(socket, { address: from, loopback: isLoopback(from), names: null });
  });
}

/** Accepts MQTT over WebSocket. */
export async function listenWebSocket(
  at: ListenAddress & {
    readonly messageBytes: number;
    /** Before CONNACK. */
    readonly connectBytes: number;
    readonly handshakeMs: number;
  },
  deps: ListenDeps & { readonly onRefused: (code: BrokerCode, reason: string, from: string) => void },
): Promise<Listener> {
  const pieces = Math.max(leastPieces, Math.ceil(at.messageBytes / bytesOfPiece));
  const http = createHttpServer({ headersTimeout: at.handshakeMs, requestTimeout: at.handshakeMs }, (_, response) => {
    response.writeHead(426, { "content-type": "text/plain" }).end("this port speaks MQTT over WebSocket\n");
  });
  const sockets = new WebSocketServer({
    server: http,
    maxPayload: at.messageBytes,
    maxBufferedChunks: pieces,
    maxFragments: pieces,
    perMessageDeflate: false,
    handleProtocols: (offered) => subprotocols.find((name) => offered.has(name)) ?? false,
    verifyClient: ({ req }: { req: IncomingMessage }) => {
      const offered = (req.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
      if (offered.some((name) => subprotocols.includes(name))) return true; // [MQTT-6.0.0-3]
      const reason = 'WebSocket without subprotocol "mqtt"';
      deps.onRefused("BROKER_PROTOCOL_REFUSED", reason, req.socket.remoteAddress ?? "unknown");
      return false;
    },
  });
  sockets.on("connection", (socket: WebSocket, request) => {
    socket.on("message", (_, isBinary) => {
      if (!isBinary) socket.terminate(); // [MQTT-6.0.0-1]
    });
    const from = request.socket.remoteAddress ?? "unknown";
    // The frames of a stranger are put together before the guard sees a byte of them.
    const most = request.socket.bytesRead + at.connectBytes + framingBytes;
    const watch = () => {
      if (request.socket.bytesRead <= most) return;
      request.socket.off("data", watch);
      const reason = `more than ${at.connectBytes} bytes over WebSocket before CONNACK`;
      deps.onRefused("BROKER_PACKET_TOO_LARGE", reason, from);
      socket.terminate();
    };
    request.socket.on("data", watch);
    const stream = createWebSocketStream(socket, {
      // One packet is several writes; they leave as one frame.
      writev: (chunks, done) => socket.send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done),
    });
    deps.onConnection(stream, {
      address: from,
      loopback: isLocalRequest(from, request.headers),
      names: null,
      admitted: () => request.socket.off("data", watch),
    });
  });
  const listener = await accept(at, deps, (socket) => http.emit("connection", socket));
  return {
    port: listener.port,
    close() {
      const closed = listener.close();
      http.closeAllConnections();
      return closed;
    },
  };
}

/**
 * A browser on this machine runs pages of others: it counts as loopback only for a page that this machine served
 * itself. A request that came through a proxy does not.
 */
export function isLocalRequest(from: string, headers: IncomingMessage["headers"]): boolean {
  if (!isLoopback(from) || headers.forwarded !== undefined || headers["x-forwarded-for"] !== undefined) return false;
  if (headers.origin === undefined) return true;
  return URL.canParse(headers.origin) && isLoopback(new URL(headers.origin).hostname);
}

/** Listens on TCP and gives on the sockets that may stay. */
export async function accept(
  at: ListenAddress,
  deps: Pick<ListenDeps, "onSocket" | "onError">,
  onAccepted: (socket: Socket) => void,
): Promise<Listener> {
  // Acknowledgements are small and waited for.
  const server = createServer({ noDelay: true }, (socket) => {
    if (deps.onSocket(socket)) onAccepted(socket);
    else socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => reject(new Error(explain(cause, at), { cause })));
    server.listen({ port: at.port, host: at.host }, resolve);
  });
  server.removeAllListeners("error");
  server.on("error", deps.onError);
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("BUG: a TCP server without a port");
  return {
    port: bound.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}

function explain(cause: NodeJS.ErrnoException, { host, port, portSetting }: ListenAddress): string {
  switch (cause.code) {
    case "EADDRINUSE":
      return `port ${port} is in use: set ${portSetting} to a free one`;
    case "EACCES":
      return `port ${port} needs rights this process does not have: set ${portSetting} above 1023`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `"${host}" is not an address of this machine: set ${portSetting === "BROKER_TLS_PORT" ? "BROKER_TLS_HOST" : "BROKER_HOST"} to one that is`;
    default:
      return `cannot listen on ${host} port ${port}: ${cause.message}`;
  }
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  readonly portSetting: "BROKER_PORT" | "BROKER_WS_PORT" | "BROKER_TLS_PORT";
}

export interface Remote {
  readonly address: string;
  readonly loopback: boolean;
  /** Names of a client certificate; null without one. */
  readonly names: readonly string[] | null;
  /** To be called when CONNACK is sent: until then little is taken from it. */
  readonly admitted?: () => void;
}

export interface ListenDeps {
  /** Whether a socket may stay, looked at before anything is read from it. */
  readonly onSocket: (socket: Socket) => boolean;
  readonly onConnection: (connection: Duplex, from: Remote) => void;
  readonly onError: (error: Error) => void;
}

export interface Listener {
  readonly port: number;
  /** Stops accepting; resolves when the last connection is gone. */
  close(): Promise<void>;
}
