// The peer: oidc-provider with its in-memory adapter. It stores nothing durably.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { generateKeyPairSync } from "node:crypto";

// Installed beside the working directory, not beside this file.
const require = createRequire(`${process.cwd()}/`);
const main = require.resolve("oidc-provider");
const { Provider } = await import(pathToFileURL(main).href);

const port = Number(process.env.PEER_PORT);
const key = (alg, options) => ({ ...generateKeyPairSync(alg, options).privateKey.export({ format: "jwk" }) });
const jwks = {
  keys: [
    { ...key("ec", { namedCurve: "P-256" }), alg: "ES256", use: "sig", kid: "es" },
    { ...key("rsa", { modulusLength: 2048 }), alg: "RS256", use: "sig", kid: "rs" },
  ],
};
const resource = (format, alg) => ({
  scope: "app:read",
  accessTokenTTL: 86400,
  accessTokenFormat: format,
  jwt: alg ? { sign: { alg } } : undefined,
});
const resources = {
  "urn:opaque": resource("opaque"),
  "urn:es": resource("jwt", "ES256"),
  "urn:rs": resource("jwt", "RS256"),
};
const provider = new Provider(`http://127.0.0.1:${port}`, {
  jwks,
  clients: [{
    client_id: "shop",
    client_secret: process.env.PEER_SECRET,
    grant_types: ["client_credentials"],
    redirect_uris: [],
    response_types: [],
    scope: "app:read",
  }],
  scopes: ["app:read"],
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, indicator) => resources[indicator],
      defaultResource: () => "urn:opaque",
      useGrantedResource: () => true,
    },
  },
});
provider.listen(port, "127.0.0.1");
