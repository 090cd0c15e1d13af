import type { Readable } from "node:stream";
import type { FastifyReply } from "fastify";

/**
 * Sends bytes or a stream under a file name, past the serializer. `reply` is taken without its route's types: a schema
 * can describe a file, not check it.
 */
export const sendFile = (
  reply: FastifyReply,
  file: { readonly name: string; readonly type: string; readonly body: Buffer | Readable },
): FastifyReply =>
  reply.header("content-disposition", `attachment; filename="${file.name}"`).type(file.type).send(file.body);
