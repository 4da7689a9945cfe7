"""Words and abbreviations of dates and times in the languages that logs are written in.

Data only: `v1.dates` builds its patterns and lookups from these tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: Names of the months, January first, in lower case without a closing dot.
MONTH_NAMES: Final = (
    "jan january januar jänner janvier janv enero ene janeiro gennaio gen januari января январь "
    "янв січня січень stycznia styczeń",
    "feb february februar feber février févr fév febrero fevereiro fev febbraio februari февраля "
    "февраль фев февр лютого лютий lutego luty",
    "mar march märz mrz mars marzo março maart mrt марта март мар березня березень marca marzec",
    "apr april avril avr abril abr aprile апреля апрель апр квітня квітень kwietnia kwiecień",
    "may mai mayo maio maggio mag mei мая май травня травень maja maj",
    "jun june juni juin junio junho giugno giu июня июнь июн червня червень czerwca czerwiec",
    "jul july juli juillet juil julio julho luglio lug июля июль июл липня липень lipca lipiec",
    "aug august août aout agosto ago augustus августа август авг серпня серпень sierpnia sierpień",
    "sep sept september septembre septiembre setiembre setembro set settembre сентября сентябрь "
    "сен сент вересня вересень września wrzesień",
    "oct october oktober okt octobre octubre outubro out ottobre ott октября октябрь окт жовтня "
    "жовтень października październik",
    "nov november novembre noviembre novembro ноября ноябрь ноя нояб листопада листопад listopada",
    "dec december dezember dez décembre déc diciembre dic dezembro dicembre декабря декабрь дек "
    "грудня грудень grudnia grudzień",
)

#: Names of the weekdays, in lower case without a closing dot.
WEEKDAYS: Final = (
    "mon monday tue tues tuesday wed wednesday thu thur thurs thursday fri friday sat saturday sun "
    "sunday montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag lundi mardi "
    "mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes sábado domingo "
    "segunda segunda-feira terça terça-feira quarta quarta-feira quinta quinta-feira sexta "
    "sexta-feira lunedì martedì mercoledì giovedì venerdì sabato domenica maandag dinsdag woensdag "
    "donderdag vrijdag zaterdag zondag понедельник вторник среда четверг пятница суббота "
    "воскресенье понеділок вівторок середа четвер п'ятниця субота неділя "
    "周一 周二 周三 周四 周五 周六 周日 星期一 星期二 星期三 星期四 星期五 星期六 星期日 星期天 "
    "月 火 水 木 金 土 日 月曜日 火曜日 水曜日 木曜日 金曜日 土曜日 日曜日 "
    "월요일 화요일 수요일 목요일 금요일 토요일 일요일 월 화 수 목 금 토 일"
)

#: Parts of a day, in lower case; a number may follow: `pm2`.
DAY_PARTS: Final = (
    "earlier later latest morning afternoon evening night noon midday midnight am pm morgen "
    "morgens vormittag vormittags mittag mittags nachmittag nachmittags abend abends nacht nachts "
    "matin midi après-midi soir nuit mañana mediodía tarde noche manhã noite mattina mattino "
    "pomeriggio sera notte ochtend middag avond утро утром день днём вечер вечером ночь "
    "ночью 早上 上午 中午 下午 傍晚 晚上 晚 凌晨 深夜 夜 夜间 朝 昼 夕方 午前 午後 夜中 "
    "오전 오후 저녁 밤 새벽 아침 낮"
)
#: Words for the rest of a session that was logged before, in lower case.
CONTINUED: Final = (
    "continued continuation cont cont'd contd resumed fortsetzung fortgesetzt forts suite "
    "continuación continuação continuazione seguito vervolg продолжение 续 續 继续 繼續 続き 계속"
)

#: Zone abbreviations with one meaning in logs, and their hours from UTC.
ZONES: Final = {
    "Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3,
    "MSK": 3, "МСК": 3, "MEZ": 1, "MESZ": 2, "JST": 9, "KST": 9, "HKT": 8,
    "EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6,
    "PST": -8, "PDT": -7, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13,
}  # fmt: skip

#: The same for abbreviations that are words as well, or rare.
WORD_ZONES: Final = {
    "WIB": 7, "WITA": 8, "WIT": 9, "SGT": 8, "MYT": 8, "PHT": 8, "ICT": 7, "PKT": 5, "NPT": 5.75,
    "UZT": 5, "IRST": 3.5, "TRT": 3, "IDT": 3, "SAST": 2, "EAT": 3, "CAT": 2, "WAT": 1, "AWST": 8,
    "ACST": 9.5, "ACDT": 10.5, "HST": -10, "AKST": -9, "AKDT": -8, "ADT": -3, "BRT": -3, "ART": -3,
    "CLT": -4, "COT": -5, "PET": -5, "VET": -4,
}  # fmt: skip

#: Zone abbreviations with several meanings: minutes from UTC, and the text elsewhere in a log that
#: decides for each.
AMBIGUOUS_ZONES: Final[Mapping[str, Mapping[int, tuple[str, ...]]]] = {
    "IST": {
        330: ("Asia/Kolkata", "Asia/Calcutta"), 120: ("Asia/Jerusalem",), 60: ("Europe/Dublin",),
    },
    "CST": {-360: ("America/Chicago", "CDT"), 480: ("Asia/Shanghai",)},
    "BST": {60: ("Europe/London",), 360: ("Asia/Dhaka",)},
    "AST": {-240: ("America/Halifax", "ADT"), 180: ("Asia/Riyadh",)},
}  # fmt: skip

#: Abbreviations that are recognized as zones but not read.
OTHER_ZONES: Final = "GST NST NDT ET CT MT PT ECT ALMT AMT"
#: Words in capitals that end like the abbreviation of a zone.
NOT_ZONES: Final = (
    "TEST LINT AUDIT DRAFT EDIT INIT JWT NEXT GIT BOT CHAT CRAFT DEBT EVENT EXIT FAST FEAT FLAT "
    "GPT HOT IOT JEST KIT LAST LEFT LIGHT LIMIT LIST MOUNT NIST OUT PILOT PIVOT PLOT POINT PORT "
    "POST PUT REACT REST RIGHT ROBOT ROOT SET SHIFT SMART SPLIT START UAT UNIT WAIT BOOT OAT NAT "
    "RST MQTT CERT CONST COST TEXT FIRST INPUT ABORT ALERT AGENT BUILT NOT GET HEAT FRONT RESET "
    "ASSET TOAST HOST GUEST TRUST RUST QUIT"
)
