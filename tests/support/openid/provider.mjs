// An OpenID provider for tests: the certified `oidc-provider`, with the people and clients that standard input names.
// The first line of standard output is its issuer. Whoever types a person's name is that person.
import http from 'node:http';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const modules = createRequire(`${process.argv[2]}/`);
const { default: Provider } = await import(pathToFileURL(modules.resolve('oidc-provider')));
const { people, clients, scopes, keys } = JSON.parse(readFileSync(0, 'utf8'));

const tokens = {};
const server = http.createServer();
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients,
  jwks: { keys },
  cookies: { keys: ['for tests'] },
  scopes,
  pkce: { required: () => true },
  ttl: { AccessToken: 600, ClientCredentials: 600, AuthorizationCode: 60, Grant: 600, Interaction: 600, Session: 600 },
  async findAccount(ctx, id) {
    return people[id] && { accountId: id, claims: async () => ({ sub: id, ...people[id] }) };
  },
  extraTokenClaims: (ctx, token) => {
    const { signs_in_late: late, ...claims } = people[token.accountId] ?? {};
    const at = ctx.oidc.entities.AuthorizationCode?.authTime;
    tokens[token.accountId] = (tokens[token.accountId] ?? 0) + 1;
    // Somebody whose first tokens come from a sign-in of long ago.
    const signedIn = at && tokens[token.accountId] <= (late ?? 0) ? 1 : at;
    return { ...claims, ...(signedIn && { auth_time: signedIn }) };
  },
  features: {
    devInteractions: { enabled: true },
    registration: { enabled: true },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource) => ({
        scope: scopes.join(' '),
        audience: resource,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
});
server.on('request', provider.callback());
console.log(issuer);
