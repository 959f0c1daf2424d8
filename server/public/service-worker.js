// @ts-check
/** Shows the notices of the shop while its pages are closed. It keeps nothing and serves nothing. */

/** @type {any} the page's types know only windows */
const worker = self;

worker.addEventListener('push', (/** @type {any} */ event) => {
  const { title, body, path, tag, lang, dir } = event.data.json();
  const icon = '/images/bolt.svg';
  // A second copy of a notice has the same tag and replaces the first one.
  const options = { body, tag, lang, dir, icon, data: { path } };
  event.waitUntil(worker.registration.showNotification(title, options));
});

worker.addEventListener('notificationclick', (/** @type {any} */ event) => {
  event.notification.close();
  event.waitUntil(worker.clients.openWindow(event.notification.data.path));
});
