// Verifies a JWT access token with npm's `jose`, as a resource server would (RFC 9068, section 4).
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { readFileSync } from 'node:fs'

const { jwks_uri, token, issuer, now } = JSON.parse(readFileSync(0, 'utf8'))
const keys = createRemoteJWKSet(new URL(jwks_uri))
const expected = {
  issuer,
  audience: issuer,
  typ: 'at+jwt',
  currentDate: new Date(now * 1000),
  requiredClaims: ['sub', 'iat', 'exp', 'jti', 'client_id'],
}
let answer
try {
  const { payload, protectedHeader } = await jwtVerify(token, keys, expected)
  answer = { header: protectedHeader, claims: payload }
} catch (error) {
  answer = { refused: `${error.code}: ${error.message}` }
}
console.log(JSON.stringify(answer))
