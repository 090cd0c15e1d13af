import type { PeerCertificate } from "node:tls";

// One part of Node's text of alternative names; a value with odd characters stands in JSON quotes (CVE-2021-44532).
const alternative = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;

/** Names that a client certificate may give a user: its common name, and alternative names of kind DNS and email. */
export function certificateNames({ subject, subjectaltname = "" }: Names): readonly string[] {
  const names: string[] = [];
  // With two common names it is not clear whose it is.
  const common = subject?.CN;
  if (typeof common === "string") names.push(common);
  for (const [, kind, value = ""] of subjectaltname.matchAll(new RegExp(alternative, "gy"))) {
    if ((kind === "DNS" || kind === "email") && !value.startsWith('"')) names.push(value);
  }
  return [...new Set(names)].filter((name) => name !== "");
}

interface Names {
  readonly subject?: { readonly CN?: string | readonly string[] };
  readonly subjectaltname?: PeerCertificate["subjectaltname"];
}
