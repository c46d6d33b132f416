/**
 * Free TCP ports on loopback. Nothing reserves the port between this answer
 * and its use, so prefer port 0 wherever the code under test takes it.
 */
import { createServer } from "node:net";

/** A port of 127.0.0.1 that nobody listened on a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address !== null && typeof address === "object") {
          resolve(address.port);
        } else {
          reject(new Error(`expected an address with a port, got ${address}`));
        }
      });
    });
  });
}
