/** The platform's cryptography, in browsers and in Node. */

export async function webcrypto(): Promise<Crypto> {
  if ((globalThis as { crypto?: Crypto }).crypto !== undefined) return globalThis.crypto;
  const node = "node:crypto"; // Node 18 has it there alone; a bundler for browsers must not follow
  const found = (await import(/* webpackIgnore: true */ /* @vite-ignore */ node)) as { webcrypto: Crypto };
  return found.webcrypto;
}

/** A name that nothing else has: 128 random bits in hexadecimal. */
export async function randomName(): Promise<string> {
  const bytes = (await webcrypto()).getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
