import { createHash } from "node:crypto";

/** Of an alert's identity. Short enough to say, long enough never to meet another: 96 bits. */
export const alertHash = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 24);
