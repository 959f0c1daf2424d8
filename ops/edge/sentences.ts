/** What the pages of the edge itself say, by language. Nothing in them ends a text of nginx. */

export type Sentences = Readonly<Record<string, string>>;

/** No web node answers, and there is no copy of the page. */
export const AWAY: Sentences = {
  en: 'The shop cannot be reached at the moment. What it has taken is safe. This page tries again by itself.',
  de: 'Der Shop ist gerade nicht erreichbar. Was er angenommen hat, ist sicher. Diese Seite versucht es von selbst wieder.',
  es: 'La tienda no está disponible en este momento. Lo que ya ha recibido está a salvo. Esta página vuelve a intentarlo sola.',
  fr: 'La boutique est injoignable pour le moment. Ce qu’elle a déjà reçu est en sécurité. Cette page réessaie toute seule.',
  'zh-Hans': '商店暂时无法访问。已收到的请求不会丢失。本页面会自动重试。',
  ja: '現在ショップに接続できません。すでに受け付けた内容は失われません。このページは自動的に再試行します。',
  ar: 'لا يمكن الوصول إلى المتجر حاليًا. ما استلمه المتجر محفوظ. تعيد هذه الصفحة المحاولة تلقائيًا.',
};

/** The network of the client asks for more than it may. */
export const BUSY: Sentences = {
  en: 'Too many people of your network open the shop at this moment. This page tries again by itself.',
  de: 'Aus Ihrem Netz rufen gerade zu viele den Shop auf. Diese Seite versucht es von selbst wieder.',
  es: 'En este momento hay demasiadas personas de tu red abriendo la tienda. Esta página vuelve a intentarlo sola.',
  fr: 'Trop de personnes de votre réseau ouvrent la boutique en ce moment. Cette page réessaie toute seule.',
  'zh-Hans': '您所在的网络此刻访问商店的人过多。本页面会自动重试。',
  ja: '現在、お使いのネットワークからのアクセスが多すぎます。このページは自動的に再試行します。',
  ar: 'عدد كبير جدًا من مستخدمي شبكتك يفتحون المتجر الآن. تعيد هذه الصفحة المحاولة تلقائيًا.',
};
