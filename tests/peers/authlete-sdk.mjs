// Manages authorised applications with @authlete/typescript-sdk, which checks every answer against its own schema.
import { Authlete } from "@authlete/typescript-sdk";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { base, key, token, client, subject, scopes } = JSON.parse(Buffer.concat(chunks).toString());

const authlete = new Authlete({ serverURL: base, bearer: token });
const serviceId = String(key);
const clientId = String(client);
const list = (who) =>
  authlete.client.management.listAuthorizations({
    serviceId,
    subjectPathParameter: who,
    subjectQueryParameter: who,
    end: 10,
  });
const refused = async (call) => {
  try {
    await call();
    return null;
  } catch (refusal) {
    return [refusal.statusCode, refusal.resultCode ?? refusal.data$?.resultCode ?? refusal.message];
  }
};

const answer = {
  client: await authlete.client.get({ serviceId, clientId }),
  clients: await authlete.client.list({ serviceId, start: 0, end: 100 }),
  before: await list(subject),
  tokens: await authlete.token.management.list({ serviceId, clientIdentifier: clientId, subject, start: 0, end: 10 }),
  wrong: await refused(() =>
    authlete.client.management.listAuthorizations({
      serviceId,
      subjectPathParameter: subject,
      subjectQueryParameter: subject,
      start: -1,
    })),
};
answer.updated = await authlete.client.management.updateAuthorizations({
  serviceId,
  clientId,
  clientAuthorizationUpdateRequest: { subject, scopes },
});
answer.rescoped = await authlete.token.management.list({ serviceId, subject });
answer.revoked = await authlete.token.management.revoke({
  serviceId,
  tokenRevokeRequest: { accessTokenIdentifier: answer.tokens.accessTokens[0].accessTokenHash },
});
answer.deleted = await authlete.client.management.deleteAuthorizations({
  serviceId,
  clientId,
  subjectPathParameter: subject,
  subjectQueryParameter: subject,
});
answer.after = await list(subject);
console.log(JSON.stringify(answer));
