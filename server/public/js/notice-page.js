// @ts-check
/**
 * The page behind the links of notices. The link has a token in its fragment, which is sent only when the
 * button is pressed: mail filters visit links.
 */

import { confirmNotices, unsubscribeNotices } from './api.js';
import { find, setEnabled, setShown, setText } from './dom.js';
import { NOTICE_LANGUAGES, noticeTexts } from './notice-texts.js';

const wanted = navigator.languages.flatMap((tag) => {
  const exact = NOTICE_LANGUAGES.find((language) => tag.startsWith(language));
  return exact ?? (tag.startsWith('zh') ? 'zh-Hans' : []);
});
document.documentElement.lang = wanted[0] ?? 'en';
document.documentElement.dir = document.documentElement.lang === 'ar' ? 'rtl' : 'ltr';

const [, purpose = '', token = ''] = /^#(confirm|unsubscribe)=([\w-]+)$/.exec(location.hash) ?? [];
const isConfirm = purpose === 'confirm';
const texts = noticeTexts();
const button = find('#notice-do');
const state = find('#notice-state');

document.title = isConfirm ? texts.confirmHeading : texts.leaveHeading;
setText(find('#title'), document.title);
setText(find('#notice-text'), isConfirm ? texts.confirmText : texts.leaveText);
setText(button, isConfirm ? texts.confirm : texts.leave);
setText(find('#to-shop'), texts.toShop);
setShown(find('#notice-text'), token !== '');
setShown(button, token !== '');
if (token === '') setText(state, texts.gone);

button.addEventListener('click', async () => {
  setEnabled(button, false);
  setText(state, texts.moment);
  const answer = await (isConfirm ? confirmNotices(token) : unsubscribeNotices(token));
  const isGone = answer.kind === 'refused' && answer.status === 404;
  if (answer.kind === 'ok') setText(state, isConfirm ? texts.confirmed : texts.left);
  else setText(state, isGone ? texts.gone : texts.failed);
  setEnabled(button, answer.kind !== 'ok' && !isGone);
});
