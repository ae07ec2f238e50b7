// A sign-in provider for tests. Usage: node provider.js PORT REDIRECT HOME [NAME-ROLE=OTHER]
// Whoever says to be NAME-ROLE has that role, or the other one where one is given. Its keys are new at every start.
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

// Whoever starts it reads standard output up to "ready" and no further.
console.info = console.error;

const [port, redirect, home, ...others] = process.argv.slice(2);
const roles = new Map(others.map((other) => other.split("=")));
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const key = { ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256" };

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: "assay",
    client_secret: "the client secret of the tests",
    redirect_uris: [redirect],
    post_logout_redirect_uris: [home],
  }],
  jwks: { keys: [key] },
  cookies: { keys: ["only for tests"] },
  conformIdTokenClaims: false,
  claims: { openid: ["sub", "roles"], profile: ["name"], email: ["email"] },
  pkce: { required: () => true },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: `Name of ${id}`, email: `${id}@example.org`, roles: [roles.get(id) ?? id.split("-")[1]] }),
  }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
