// @ts-check
/** The calls of the console's API. */

/**
 * @typedef {{ login: string, roles: string[], csrf: string, endsAt: string }} Session
 */

/** Why a call failed, in the words of the console. */
export class CallFailed extends Error {
  /**
   * @param {number} status
   * @param {string} detail
   * @param {string} [verdict]
   */
  constructor(status, detail, verdict = '') {
    super(detail);
    this.status = status;
    this.verdict = verdict;
  }

  /** Whether it is known that nothing was changed: the console said no, or had no room. */
  get isAnswered() {
    return this.isRefusal || this.verdict === 'busy';
  }

  /** Whether the console said no, so nothing was changed. */
  get isRefusal() {
    return this.status >= 400 && this.status < 500;
  }
}

let csrf = '';

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
export async function call(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(csrf !== '' && { 'x-csrf-token': csrf }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  } catch {
    throw new CallFailed(0, 'The console does not answer. It is not known what was done.');
  }
  if (response.ok) return response.status === 204 ? undefined : response.json();
  const problem = await response.json().catch(() => ({}));
  const detail = problem.detail ?? `The answer was ${response.status}.`;
  throw new CallFailed(response.status, detail, problem.verdict);
}

/**
 * Returns the signed-in person. Without a session, goes to the sign-in page.
 * @returns {Promise<Session>}
 */
export async function currentSession() {
  try {
    const session = await call('GET', '/api/session');
    csrf = session.csrf;
    return session;
  } catch (error) {
    if (error instanceof CallFailed && error.status === 401) {
      location.assign(`/login?to=${encodeURIComponent(location.pathname + location.hash)}`);
      return new Promise(() => {});
    }
    throw error;
  }
}
