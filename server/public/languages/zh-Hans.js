// @ts-check
/** The messages of the page in Simplified Chinese. */

/** @type {import('../js/language.js').Translated<import('../js/language.js').Texts>} */
export default {
  shop: '限时抢购',
  language: '语言',
  languageChanged: '本页面现已切换为简体中文。',
  needsScript: '此页面需要启用 JavaScript。',
  free: '免费',
  loading: '正在加载',
  oneMoment: '请稍候。',

  sentences: '{first}{second}',
  titled: '{title}。{text}',

  list: {
    skip: '跳到抢购活动',
    headline: '数量有限。',
    headline2: '就在一瞬。',
    choose: '选择一场抢购活动，开始时别错过。',
    heading: '抢购活动',
    none: '目前还没有公布抢购活动。下一场会自动显示在这里。',
    offline: '目前无法连接商店。本页面会继续尝试。',
  },

  sale: {
    skip: '跳到商品',
    newGuest: '换一位访客',
    guestChanged: '您现在是另一位访客。',
    guest: '访客 {name}',
    signedIn: '已登录',
    signIn: '请在商店登录后参加',
    coming: '抢购活动正在加载',
    products: '商品',
    pageTitle: '{phase}：{title}',
    offline: '目前无法连接商店。本页面会继续尝试。商店已收到的请求不会丢失。',
  },

  missing: {
    pageTitle: '没有这场抢购活动',
    pill: '未找到',
    title: '没有这场抢购活动',
    text: '它可能已被移除。现有的活动请看抢购活动列表。',
  },

  phases: {
    scheduled: '即将开始',
    open: '正在抢购',
    paused: '已暂停',
    sold_out: '已售罄',
    closed: '已结束',
  },

  countdown: {
    scheduled: '距开始还有',
    open: '距结束还有',
    paused: '暂时停止。距结束还有',
    sold_out: '全部售出。距结束还有',
    closed: '本场抢购已结束',
  },
  units: { days: '天', hours: '小时', minutes: '分', seconds: '秒' },

  when: {
    noProducts: '商品尚未上架',
    opens: '开始时间：{time}（您的当地时间）',
    until: '结束时间：{time}（您的当地时间）',
    endedEarly: '商店已提前结束',
    closed: '已结束：{time}（您的当地时间）',
  },

  announcements: {
    opensSoon: '抢购将在{when}开始。',
    open: '抢购已开始。',
    paused: '抢购已暂停。',
    sold_out: '全部商品已售罄。',
    closed: '抢购已结束。',
  },

  rules: {
    heading: '抢购规则',
    clock: '同一个时钟。',
    clockText: '无论您在哪里，按钮都按商店的时钟启用，无需刷新页面。',
    press: '点击一次就够。',
    pressText: '队列中的请求只计一次。您可以关闭页面，稍后再回来。',
    guessing: '结果明确。',
    guessingText: '“售罄”表示所有商品都已付款。在此之前，仍可能有商品退回。',
    lottery: '公平抽签。',
    lotteryText: '如果点击的人数远多于商品数量，商店可能会通过抽签只放行其中一部分人。',
    lotteryLink: '抽签如何进行，以及任何人如何核验',
  },

  badges: {
    scheduled: '即将开始',
    paused: '已暂停',
    closed: '抢购已结束',
    plenty: '有货',
    daily: '每天一次',
    few: '所剩不多',
    maybe: '可能有货：商品可能退回',
    sold_out: '已售罄',
  },

  button: {
    inQueue: '排队中',
    busy: '请稍候',
    closed: '抢购已结束',
    reserved: '已为您保留',
    yours: '已归您所有',
    opensIn: '距开始',
    paused: '已暂停',
    soldOut: '已售罄',
    impossible: '无法购买',
    againIn: '再试还需',
    try: '试着抢购',
    buy: '立即购买',
    today: '领取今天的',
    draw: '拆红包',
    of: '：{title}',
  },

  tile: {
    quantityOf: '{title} 的数量',
    limit: { other: '每人限购 {count} 件' },
    daily: '每天一件',
    streak: { other: '连续 {count} 天' },
    payOrCancel: '付款或取消',
    seeOrder: '查看您的订单',
  },

  plan: {
    open: '在图上选择',
    title: '座位图：{title}',
    how: '点按选择，或用方向键和空格键选择。如果不选，商店会给您最好的空位。',
    front: '前方',
    part: '显示的排',
    free: '空闲',
    taken: '已被占用',
    chosen: '已选',
    place: '{unit}，{state}',
    none: '尚未选择。最多可选：{count}。',
    full: '最多只能选择 {count} 个。',
    have: '已选：{units}。',
    single: '中间会剩下一个单独的座位。请另选，或把它也选上。',
    lost: '别人抢先了一步：{units}。请重新选择。',
    take: '选这些',
    close: '返回',
    offline: '座位图现在无法加载。本页面会继续尝试。',
    old: '截至 {time}。商店目前没有更新的信息。',
  },

  packets: {
    pot: { other: '{sum}，共 {count} 个红包，每人限领一个' },
    divided: '红包在开售前已分好。分配结果的 SHA-256：',
    got: '您领到了 {sum}',
    paidOut: '商店会将这笔钱支付给您。',
  },

  again: {
    tryIn: '请在{when}重试。',
    tryNow: '您现在可以重试。',
    trySpoken: '按钮会提示您何时可以重试。',
    checkIn: '请在{when}再次查看。',
    checkNow: '您现在可以查看是否轮到您。',
    checkSpoken: '按钮会提示您何时可以再次查看。',
  },

  waitlist: {
    join: '加入候补名单',
    leave: '退出候补名单',
    next: '下一位就是您',
    ahead: { other: '您前面还有 {count} 位顾客' },
    held: '有商品退回时，会在这里为您保留。候补名单按抽签名次排序，而不是按时间：名次更靠前的顾客即使后来加入，也排在您前面。',
    allPaid: '所有商品都已付款，目前不会有商品退回。',
    tryToBuy: '商品尚未全部被占用：您可以试着购买，也可以继续留在候补名单中。',
    served: '已为您保留一件商品',
    servedText: '保留至 {time}。请立即付款，以免失去它。',
    ended: '抢购已结束',
    endedWaiting: '没有商品退回给您。',
    endedText: '结束前没有商品退回给您。',
  },

  orders: {
    heading: '您的订单',
    incomplete: '您的部分订单暂时无法显示。订单不会丢失，本页面会继续查找。',
    older: '显示更早的订单',
    olderUnanswered: '商店没有答复。您的订单不会丢失，请再试一次。',
    number: '订单 {number}，{time}',
    seat: '{row} 排 {seat} 座',
    payWithin: '请在 {time} 内付款',
    payUntil: '截止 {time}',
    awaiting: '等待您付款',
    payOver: '付款时间已过。商店将收回商品。',
    pay: '立即付款',
    payTitle: '立即付款：{title}',
    cancel: '取消订单',
    cancelTitle: '取消订单：{title}',
    announcement: '{title}：{state}。',
    refundDue: '有一笔付款无法用于此订单，将退还给您：{sum}。',
    refundDone: '有一笔付款无法用于此订单，已退还给您：{sum}。',
    refundDoneAt: '有一笔付款无法用于此订单，已退还给您：{sum}，{time}。',
    shopRefundDue: '您的付款将退还给您：{sum}。',
    shopRefundDone: '您的付款已退还给您：{sum}。',
    shopRefundDoneAt: '您的付款已退还给您：{sum}，{time}。',
    payUnsure: '尚未收到答复。您的付款可能已经到账：订单会显示结果。再次付款也不会重复扣款。',
    cancelUnsure: '尚未收到答复。订单会显示是否已取消。',
    ownCheckout: '本商店通过自己的收银台收款。您的订单会为您保留到所示时间。',
  },

  doorTickets: {
    show: '显示门票',
    hide: '隐藏门票',
    print: '打印',
    use: '入场时请每人出示一个二维码。每个只能使用一次。订单退还后，其二维码随即失效。',
    alt: '二维码：{unit}',
    order: '订单 {number}',
    unanswered: '商店没有答复。您的门票是安全的：请再试一次。',
  },

  cancelDialog: {
    question: '要取消您的 {title} 订单吗？',
    text: '取消后别人可以立即买到，而您可能再也买不到了。',
    keep: '保留订单',
    cancel: '取消订单',
  },

  verdicts: {
    shed: {
      title: '这次未能放行',
      text: '同一时刻点击的人太多，只有一部分请求被放行。',
    },
    rate_limited: {
      title: '操作太快了',
      text: '您或您所在网络发送的请求超过了商店一次能接受的数量。',
    },
    cooldown: {
      title: '请稍候再发送下一个请求',
      text: '商店刚刚接受了您的一个请求。每人每隔几秒只能提交一个。',
    },
    quota_spent: {
      title: '此处目前没有可售商品',
      text: '这并不是售罄：此处随时可能有更多商品可售。',
    },
    quota_unavailable: {
      title: '商店的这一部分目前无法销售',
      text: '它正在等待确认可以销售多少商品。',
    },
    overloaded: {
      title: '商店非常繁忙',
      text: '您的请求未被接受，以便先服务已经在等待的顾客。',
    },
    status_unavailable: {
      title: '目前无法查询状态',
      text: '商店暂时无法查找您的请求。这不会影响请求的结果。',
    },
    sold_out: { title: '已售罄', text: '所有商品都已售出并付款，不会再有商品退回。' },
    not_open: { title: '尚未开始', text: '到了公布的时间，按钮会自动启用。' },
    paused: {
      title: '抢购已暂停',
      text: '商店暂时停止了抢购。已接受的请求仍会得到处理。',
    },
    closed: { title: '抢购已结束', text: '不再接受新的请求。' },
    ticket_invalid: {
      title: '您的购买凭证已过期',
      text: '购买凭证只在几秒内有效。请再次点击以获取新的凭证。',
    },
    blocked: {
      title: '此账号无法参加',
      text: '商店已将此账号或网络排除在本次抢购之外。商店客服可以告诉您原因。',
    },
    units_available: {
      title: '商品尚未全部被占用',
      text: '请试着购买。候补名单用于退回的商品，在没有剩余商品时开放。',
    },
    limit_reached: {
      title: '您已达到每人限购数量',
      text: '加入候补名单也不能买到更多。',
    },
    line_full: {
      title: '候补名单已满',
      text: '所有名额都已占用。过一会儿可能会有空位。',
    },
    no_waitlist: {
      title: '目前没有候补名单',
      text: '退回的商品任何人都可以购买。请再来看看。',
    },
    bad_request: { title: '商店无法识别此页面', text: '请刷新页面：它可能已过时。' },
  },

  outcomes: {
    queued: {
      title: '您的请求正在排队',
      text: '请求不会丢失，只计一次。您可以留在这里，也可以稍后再来。',
    },
    ordered: { title: '已归您所有', text: '请及时付款，以免失去它。' },
    paid: { title: '已付款', text: '谢谢。此订单已完成。' },
    free: { title: '已归您所有', text: '这是免费的，无需付款。' },
    cancelled: { title: '订单已取消', text: '订单中的商品已退回。' },
    expired: { title: '订单已过期', text: '未及时付款，订单中的商品已退回。' },
    refund_due: {
      title: '您的付款将被退还',
      text: '付款到账时订单已经结束，已没有商品可以售出。',
    },
    refunded: {
      title: '您的付款已退还',
      text: '付款到账时订单已经结束，已没有商品可以售出。',
    },
    sold_out: { title: '已售罄', text: '最后一件商品已归在您之前的请求。' },
    limit_reached: {
      title: '您已达到每人限购数量',
      text: '此请求没有加入您的订单。',
    },
    closed: {
      title: '抢购已结束',
      text: '您的请求在抢购结束后才得到处理，没有产生订单。',
    },
    rejected: {
      title: '此请求无法被接受',
      text: '没有产生订单。如果您再次点击，就会发送一个新的请求。',
    },
  },

  page: {
    asking: { title: '正在获取您的购买凭证', text: '请稍候。' },
    sending: { title: '正在发送您的请求', text: '请稍候。' },
    solving: {
      title: '先完成一个小计算',
      text: '您的设备会在几秒内自动完成，然后再次申请您的购买凭证。',
    },
    puzzle_failed: {
      title: '无法在此完成计算',
      text: '没有发放购买凭证。需要使用较新的浏览器和安全连接（https）：请刷新页面，或换一个浏览器。',
    },
    reaching: {
      title: '无法连接商店',
      text: '您的请求尚未发送。本页面会继续为您尝试。',
    },
    unsure: {
      title: '连接中断了',
      text: '商店可能已经收到您的请求。本页面会用同一个编号再次询问，因此只计一次。',
    },
    unanswered: { title: '商店没有答复', text: '您的请求没有发送。请检查您的网络连接。' },
    waitlist_unsure: {
      title: '商店没有答复',
      text: '您可能已经在候补名单中。再次申请也不会占用第二个名额。',
    },
    not_found_yet: {
      title: '商店没有您的请求记录',
      text: '请求很可能没有送达。请再次点击：请求会保留原来的编号，因此只计一次。',
    },
    following: {
      title: '您的请求正在排队',
      text: '连接中断了，但商店已收到您的请求。本页面会继续查询结果。',
    },
    unauthenticated: { title: '请登录', text: '请在商店登录，然后回到本页面参加。' },
    not_found: { title: '未找到', text: '商店在这个地址没有您的内容。' },
    not_allowed_now: { title: '现在已经太晚了', text: '订单已发生变化。您现在看到的是最新状态。' },
    internal_error: {
      title: '商店出了点问题',
      text: '不是您的操作有误。您再次发送的请求只计一次。',
    },
    preview: { title: '这是预览', text: '此处无法购买任何商品。抢购开始后，顾客可以按此按钮。' },
  },

  reasons: {
    'closed/called_off': {
      title: '商店已取消本次抢购',
      text: '本次抢购的订单都会取消，已付款的顾客会收到退款。',
    },
    'cancelled/by_shop': { title: '商店取消了此订单', text: '商店客服可以告诉您原因。' },
    'cancelled/called_off': { title: '订单已取消', text: '商店已取消本次抢购。' },
    'shed/lottery': {
      title: '尚未轮到您的抽签名次',
      text: '无论点击多少次，名次都不会改变。商店稍后可能会放行更多人，那时可能就会轮到您。',
    },
    'quota_spent/too_few_now': {
      title: '目前没有这么多商品可售',
      text: '您要的商品只有一部分可售：请减少数量，或按原数量重试。',
    },
    'queued/delayed': {
      title: '您的请求比平时需要更长时间',
      text: '请求不会丢失，只计一次。商店的工作人员需要查看它。您可以稍后再来。',
    },
    'sold_out/units_may_return': {
      title: '目前所有商品都已被占用',
      text: '未及时付款的商品会退回，并优先提供给候补名单中的顾客。',
    },
    'sold_out/all_drawn': {
      title: '红包已领完',
      text: '红包只分一次，不会再有红包退回。',
    },
    'rejected/refused_by_operator': {
      title: '商店无法处理此请求',
      text: '没有产生订单，也没有为它保留商品。如果您再次点击，就会发送一个新的请求。',
    },
    'rejected/request_id_taken': {
      title: '此请求无法被接受',
      text: '它的编号属于别人。如果您再次点击，就会得到新的编号。',
    },
    'rejected/seats_taken': {
      title: '别人抢先了一步',
      text: '没有下单：您选择的座位已被占用。座位图会显示现在的空位。',
    },
    'rejected/leaves_single': {
      title: '会剩下一个单独的座位',
      text: '没有下单。请重新选择，不要在中间留下单独的座位。',
    },
  },

  puzzle: {
    label: '获取购买凭证前的小计算',
    verifying: '您的设备正在计算…',
    verified: '已完成',
    error: '无法在此完成计算。',
    waitAlert: '正在计算，请稍候。',
  },
  puzzleCauses: {
    operator: '商店目前要求所有人都这样做。',
    user_rate: '因为您点击得非常频繁，商店要求这样做。',
    network_rate: '因为您所在的网络发送了非常多的请求，商店要求这样做。',
    network_users: '因为有非常多的人来自您所在的网络，商店要求这样做。',
    late_ticket: '因为您上一个购买凭证使用得太晚，商店要求这样做。',
    missing_headers: '因为您的浏览器提供的自身信息比其他浏览器少，商店要求这样做。',
  },

  lottery: {
    back: '返回抢购活动',
    heading: '抢购活动的抽签',
    headingOf: '“{title}”的抽签',
    summary: '当点击的人数远多于商品数量时，只有一部分人会被放行。',
    how: '抽签规则',
    rank: '每位用户都有一个介于 0 和 1 之间的名次：以本场抢购的密钥对用户做 HMAC-SHA-256 运算，取结果的前 48 位。如果用户的名次低于放行比例，其请求就会被放行。再次点击不会改变名次。',
    atRandom: '目前请求是随机放行的，每次点击都有新的机会。名次只决定候补名单中谁先得到商品。',
    below: '目前放行名次低于 {share} 的请求。',
    everyRank: '目前所有名次都会被放行。',
    hash: '密钥是与抢购活动一起生成的。它的 SHA-256 哈希值从一开始就显示在这里，因此没有人能替换密钥：',
    secret: '密钥',
    secretLater: '抢购的结束时间过后，密钥会显示在这里。',
    uncheckable: '没有 https，您的浏览器无法核验密钥。任何人都可以用以下命令核验：{command}',
    kept: '这就是抢购前公布其哈希值的密钥：您的浏览器刚刚核验过。',
    broken: '这不是所公布哈希值对应的密钥。商店没有信守承诺。',
    user: '用户',
    compute: '计算名次',
    result: '名次 {rank}：只要放行比例不低于 {share}，此用户的请求就会被放行。',
    missing: '没有这场抢购活动。',
    offline: '无法连接商店。本页面会继续尝试。',
  },

  notices: {
    heading: '离开此页面也能收到通知',
    intro: '当您已下单、付款时间即将结束或您等候的商品为您保留时，我们会通知您。',
    email: '电子邮件地址',
    ask: '发邮件给我',
    push: '通知此设备',
    stop: '停止通知',
    waiting: '请查看您的邮箱：点击其中的链接即可确认 {address}。',
    emailOn: '我们会发邮件到 {address}。',
    pushOn: '通知已开启。',
    bad: '我们无法向该地址发送邮件。',
    questions: '已发送多个链接。请查找最后一个，或明天再试。',
    failed: '操作未成功。请重试。',
    denied: '您的浏览器不允许此商店发送通知。',
    stopped: '您不会再收到通知。',
    confirmHeading: '确认您的电子邮件地址',
    confirmText: '确认后，我们会就您在本次抢购中的订单给您发邮件。',
    confirm: '确认',
    confirmed: '已确认。我们会就您的订单给您发邮件。',
    leaveHeading: '退订',
    leaveText: '退订后，我们不再就您在本次抢购中的订单给您发邮件。',
    leave: '退订',
    left: '您已退订。',
    gone: '此链接已失效。',
    toShop: '前往商店',
  },
};
