// A client that goes by the tenant's discovery document: every grant that npm's `oauth4webapi` knows and this server has.
import * as oauth from 'oauth4webapi'
import { readFileSync } from 'node:fs'

const { issuer, api_token } = JSON.parse(readFileSync(0, 'utf8'))
const loopback = { [oauth.allowInsecureRequests]: true }
const url = new URL(issuer)
const found = await oauth.discoveryRequest(url, { ...loopback, algorithm: 'oidc' })
const server = await oauth.processDiscoveryResponse(url, found)
// The path-inserted form of RFC 8414 tells the same.
const inserted = await oauth.discoveryRequest(url, { ...loopback, algorithm: 'oauth2' })
const same = await oauth.processDiscoveryResponse(url, inserted)
if (JSON.stringify(same) !== JSON.stringify(server)) throw new Error('two documents')

const client = { client_id: 'shop' }
const auth = oauth.ClientSecretBasic('loop shop:secret+0123456789%abcdef')
const answer = {}

async function active(token) {
  const response = await oauth.introspectionRequest(server, client, auth, token, loopback)
  return oauth.processIntrospectionResponse(server, client, response)
}

const own = await oauth.processClientCredentialsResponse(
  server,
  client,
  await oauth.clientCredentialsGrantRequest(server, client, auth, new URLSearchParams(), loopback),
)
answer.client_credentials = {
  scope: own.scope,
  token_type: own.token_type,
  active: (await active(own.access_token)).active,
}

// The login page's part: an authorisation with PKCE becomes a code.
const verifier = oauth.generateRandomCodeVerifier()
const redirect = 'https://client.example.com/in'
const posted = await fetch(`${issuer}/authz-store/rest/v3/authorizations`, {
  method: 'POST',
  headers: { authorization: `Bearer ${api_token}`, 'content-type': 'application/json' },
  body: JSON.stringify({
    sub: 'alice',
    cid: 'shop',
    scp: ['openid', 'app:read'],
    lng: true,
    irt: true,
    rur: redirect,
    cch: await oauth.calculatePKCECodeChallenge(verifier),
    ccm: 'S256',
  }),
})
const code = await posted.text()
const callback = new URL(`${redirect}?code=${code}&iss=${encodeURIComponent(issuer)}`)
const params = oauth.validateAuthResponse(server, client, callback, oauth.expectNoState)
const exchange = () =>
  oauth.authorizationCodeGrantRequest(server, client, auth, params, redirect, verifier, loopback)
const tokens = await oauth.processAuthorizationCodeResponse(server, client, await exchange(), {
  expectedNonce: oauth.expectNoNonce,
  requireIdToken: true,
})
answer.code = {
  sub: oauth.getValidatedIdTokenClaims(tokens).sub,
  scope: tokens.scope,
  has_id_token: typeof tokens.id_token === 'string',
}

const narrower = await oauth.refreshTokenGrantRequest(server, client, auth, tokens.refresh_token, {
  ...loopback,
  additionalParameters: { scope: 'app:read' },
})
const refreshed = await oauth.processRefreshTokenResponse(server, client, narrower)
answer.refresh = { scope: refreshed.scope }

const revoked = await oauth.revocationRequest(server, client, auth, refreshed.access_token, loopback)
await oauth.processRevocationResponse(revoked)
answer.revoked = await active(tokens.access_token)

async function failing(request, process) {
  try {
    await process(await request())
    return 'granted'
  } catch (fault) {
    return fault.error ?? String(fault)
  }
}
answer.replay = await failing(exchange, (r) => oauth.processAuthorizationCodeResponse(server, client, r))
const wrong = oauth.ClientSecretBasic('wrong')
answer.wrong_secret = await failing(
  () => oauth.clientCredentialsGrantRequest(server, client, wrong, new URLSearchParams(), loopback),
  (r) => oauth.processClientCredentialsResponse(server, client, r),
).then((said) => (said.includes('WWW') ? 'invalid_client' : said))
console.log(JSON.stringify(answer))
