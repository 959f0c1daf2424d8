// @ts-check
/**
 * The page behind the links of notices. The link has a token in its fragment, which is sent only when the
 * button is pressed: mail filters visit links.
 */

import { confirmNotices, unsubscribeNotices } from './api.js';
import { find, setEnabled, setShown, setText } from './dom.js';
import { texts } from './language.js';
import { onLanguage } from './translate.js';

const [, purpose = '', token = ''] = /^#(confirm|unsubscribe)=([\w-]+)$/.exec(location.hash) ?? [];
const isConfirm = purpose === 'confirm';
const button = find('#notice-do');
/** @type {'ready' | 'asking' | 'done' | 'gone' | 'failed'} */
let step = token === '' ? 'gone' : 'ready';

function stateText() {
  const { notices, oneMoment } = texts;
  if (step === 'ready') return '';
  if (step === 'asking') return oneMoment;
  if (step === 'done') return isConfirm ? notices.confirmed : notices.left;
  return notices[step];
}

function show() {
  const { notices } = texts;
  const heading = isConfirm ? notices.confirmHeading : notices.leaveHeading;
  setText(find('title'), heading);
  setText(find('#title'), heading);
  setText(find('#notice-text'), isConfirm ? notices.confirmText : notices.leaveText);
  setText(button, isConfirm ? notices.confirm : notices.leave);
  setShown(find('#notice-text'), token !== '');
  setShown(button, token !== '');
  setEnabled(button, step === 'ready' || step === 'failed');
  setText(find('#notice-state'), stateText());
}

button.addEventListener('click', async () => {
  if (step !== 'ready' && step !== 'failed') return;
  step = 'asking';
  show();
  const answer = await (isConfirm ? confirmNotices(token) : unsubscribeNotices(token));
  const isGone = answer.kind === 'refused' && answer.status === 404;
  if (answer.kind === 'ok') step = 'done';
  else step = isGone ? 'gone' : 'failed';
  show();
});
onLanguage(show);
show();
